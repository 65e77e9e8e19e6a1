import type { JwksStore } from '#core/subject/jwks-store.ts'
import type { FindCredentialKey } from '#core/subject/vc-jwt.ts'
import type { DidKeys } from './did-keys.ts'
import { parseDid } from './parse-did.ts'

/** Keys of those who issue credentials: in the document of their DID, for vouching; or in their JWK Set. */
export const createCredentialKeys =
  (didKeys: DidKeys, jwks: JwksStore): FindCredentialKey =>
  async (source, { issuer, jwks_uri }, { kid, alg }, nowMs) => {
    if (!issuer.startsWith('did:')) {
      const { id, caPem } = source
      return jwks.find({ id, issuer, jwksUri: jwks_uri, caPem }, kid, alg, nowMs)
    }
    const did = parseDid(issuer)
    if (!did || !kid) return undefined
    return didKeys.find({ did, caPem: source.caPem, relationship: 'assertionMethod', kid, alg }, nowMs)
  }

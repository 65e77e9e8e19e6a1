import { ChallengeNonces } from '#core/did/challenge-nonces.ts'
import { createCredentialKeys } from '#core/did/credential-keys.ts'
import { DidKeys } from '#core/did/did-keys.ts'
import type { JwksStore } from '#core/subject/jwks-store.ts'
import type { VerifySignature } from '#core/subject/signature-verifier.ts'
import type { JwtProofDeps } from '#core/subject/verify-jwt-subject.ts'
import type { TrustMaterial } from '#core/trust-material/trust-material.ts'
import type { IssuerFetch } from './issuer-fetch.ts'

export interface JwtProofParts extends Pick<JwtProofDeps, 'firstUses'> {
  readonly issuerFetch: IssuerFetch
  readonly verify: VerifySignature
  readonly jwks: JwksStore
  readonly material: TrustMaterial
  /** At least 32 bytes, the same in all replicas. */
  readonly secret: Uint8Array
}

/** What proofs in the form of a JWT are verified with; `challenges` are the nonces that DIDs' holders sign. */
export function createJwtProofs(parts: JwtProofParts): { readonly proofs: JwtProofDeps; readonly challenges: ChallengeNonces } {
  const { jwks, material, firstUses } = parts
  const challenges = new ChallengeNonces(parts.secret)
  const didKeys = new DidKeys(parts.issuerFetch.document, parts.verify)
  const did = {
    findDidKey: didKeys.find.bind(didKeys),
    findCredentialKey: createCredentialKeys(didKeys, jwks),
    acceptsNonce: challenges.accepts.bind(challenges),
  }
  return { proofs: { jwks, findJwtSvidKey: material.findJwtSvidKey, did, firstUses }, challenges }
}

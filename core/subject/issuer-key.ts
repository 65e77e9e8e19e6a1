import { createPublicKey, type JsonWebKeyInput, type KeyObject } from 'node:crypto'
import { holdsPrivateKey } from '#core/jwt/private-members.ts'
import { isSoundRsaKey } from './rsa-key.ts'
import { createSignatureCheck, type VerifySignature } from './signature-verifier.ts'

/** A public key of somebody who vouches, for one algorithm. */
export interface IssuerKey {
  readonly alg: string
  /** Rejects when the signature of the compact JWS does not verify. */
  readonly verify: (token: string) => Promise<void>
}

export type JsonWebKey = JsonWebKeyInput['key'] & Record<string, unknown>

/**
 * What a JWK verifies: one entry for each algorithm that it may be used with, none when it is no public signature key that
 * we can use (RFC 7517 § 5). Its `use` is for the caller to look at.
 */
export function readIssuerKeys(jwk: unknown, verify: VerifySignature): IssuerKey[] {
  if (typeof jwk !== 'object' || jwk === null) return []
  const { kty, key_ops: operations } = jwk as JsonWebKey
  if (kty === 'oct' || holdsPrivateKey(jwk)) return []
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return []
  try {
    const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
    const pem = key.export({ type: 'spki', format: 'pem' }) as string
    return algorithmsOf(jwk as JsonWebKey, key).map(alg => issuerKey(pem, alg, verify))
  } catch {
    // A key that Node cannot read is a key that we cannot use.
    return []
  }
}

/** The algorithms that a key may be used with: what it says itself, else what its kind allows. Never a symmetric one. */
function algorithmsOf(jwk: JsonWebKey, key: KeyObject): string[] {
  const byKind =
    key.asymmetricKeyType === 'rsa'
      ? isSoundRsaKey(key)
        ? ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
        : []
      : key.asymmetricKeyType === 'ec'
        ? ({ 'P-256': ['ES256'], 'P-384': ['ES384'], 'P-521': ['ES512'] }[String(jwk.crv)] ?? [])
        : key.asymmetricKeyType === 'ed25519'
          ? ['EdDSA', 'Ed25519']
          : []
  const own = jwk['alg']
  if (typeof own !== 'string') return byKind
  // RFC 9864 § 2: `Ed25519` is what `EdDSA` was, said exactly.
  return byKind.filter(alg => alg === own || (alg === 'Ed25519' && own === 'EdDSA') || (alg === 'EdDSA' && own === 'Ed25519'))
}

/** Throws when the key does not fit the algorithm. */
function issuerKey(pem: string, alg: string, verify: VerifySignature): IssuerKey {
  createSignatureCheck(pem, alg)
  return { alg, verify: token => verify(pem, alg, token) }
}

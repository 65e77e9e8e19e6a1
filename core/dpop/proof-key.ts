// The key of a DPoP proof comes with the proof, so whoever asks decides what it is. It proves nothing by itself: it gets one
// name, its RFC 7638 thumbprint, and what is bound to that name is checked elsewhere. Here it must only be public, strong,
// of an algorithm that we know, and written in the one way in which its thumbprint is computed.

import { createPublicKey, type KeyObject, type VerifyKeyObjectInput, verify } from 'node:crypto'
import { promisify } from 'node:util'
import { isJsonObject } from '#core/json/is-json-object.ts'
import { jwkThumbprint } from '#core/jwt/jwk-thumbprint.ts'
import { holdsPrivateKey } from '#core/jwt/private-members.ts'
import { isSoundRsaKey } from '#core/subject/rsa-key.ts'

interface AlgorithmRow {
  readonly kty: string
  readonly crv?: string
  readonly digest: string | null
  /** Of a signature, where the algorithm fixes it. */
  readonly signatureBytes?: number
  readonly padding?: Pick<VerifyKeyObjectInput, 'padding' | 'saltLength'>
}

/** RSASSA-PSS with a salt as long as the digest (RFC 7518 § 3.5). */
const pss = { padding: 6, saltLength: 32 } as const

/** RFC 7518 § 3, RFC 8037 § 3.1, RFC 9864 § 2.2 (`Ed25519` for what was `EdDSA`). */
const algorithms: Readonly<Record<string, AlgorithmRow>> = {
  ES256: { kty: 'EC', crv: 'P-256', digest: 'sha256', signatureBytes: 64 },
  ES384: { kty: 'EC', crv: 'P-384', digest: 'sha384', signatureBytes: 96 },
  PS256: { kty: 'RSA', digest: 'sha256', padding: pss },
  RS256: { kty: 'RSA', digest: 'sha256' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', digest: null, signatureBytes: 64 },
  Ed25519: { kty: 'OKP', crv: 'Ed25519', digest: null, signatureBytes: 64 },
}

/** For metadata, `dpop_signing_alg_values_supported` (RFC 9449 § 5.1). */
export const dpopAlgorithms: readonly string[] = Object.keys(algorithms)

/** What the material of a public key stands in. */
const keyMembers = ['crv', 'x', 'y', 'n', 'e']

export interface ProofKey {
  readonly alg: string
  readonly key: KeyObject
  /** RFC 7638, base64url of SHA-256. */
  readonly jkt: string
}

/** The key of a proof whose header names `alg`; a sentence for the caller where it cannot be taken. Never throws. */
export function readProofKey(alg: string, jwk: unknown): ProofKey | string {
  const row = Object.hasOwn(algorithms, alg) ? algorithms[alg] : undefined
  if (!row) return `its alg must be one of ${dpopAlgorithms.join(', ')}`
  if (!isJsonObject(jwk)) return 'its header must hold the public key as jwk'
  if (holdsPrivateKey(jwk)) return 'its jwk holds the private key, which must never be sent; make a new key'
  const { kty, crv, alg: keyAlg, use, key_ops: operations } = jwk
  if (kty !== row.kty || crv !== row.crv) return 'its jwk is of another kind than its alg needs'
  if (keyAlg !== undefined && keyAlg !== alg) return 'its jwk is for another alg'
  if (use !== undefined && use !== 'sig') return 'its jwk is not for signatures'
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify')))
    return 'its jwk is not for verifying'
  return importKey(alg, jwk)
}

function importKey(alg: string, jwk: Readonly<Record<string, unknown>>): ProofKey | string {
  let key: KeyObject
  try {
    // OpenSSL refuses points that are not on their curve.
    key = createPublicKey({ key: jwk as { kty?: string }, format: 'jwk' })
  } catch {
    return 'its jwk is no valid key'
  }
  if (key.asymmetricKeyType === 'rsa' && !isSoundRsaKey(key)) return 'its RSA key must have 2048 to 8192 bits'
  // One key, one spelling, one thumbprint: padding, leading zeros and the like would give a key several names.
  const canonical = key.export({ format: 'jwk' }) as Record<string, unknown>
  if (keyMembers.some(name => canonical[name] !== jwk[name])) return 'its jwk is not written canonically'
  return { alg, key, jkt: jwkThumbprint(canonical) }
}

const verifyAside = promisify(verify)

/** Whether the signature over `signed` (ASCII) is the key's. On a thread of the pool: whoever asks chooses how often. */
export async function holdsSignature({ alg, key }: ProofKey, signed: string, signature: Buffer): Promise<boolean> {
  const { digest, padding, signatureBytes } = algorithms[alg]!
  if (signatureBytes !== undefined && signature.length !== signatureBytes) return false
  const input = { key, dsaEncoding: 'ieee-p1363', ...padding } as const
  return await verifyAside(digest, Buffer.from(signed, 'latin1'), input, signature).catch(() => false)
}

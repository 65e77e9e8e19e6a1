// The key of a DPoP proof comes with the proof, but whose key it must be stands in the token: `cnf.jkt`, its RFC 7638
// thumbprint. So the thumbprint is computed first, from the text of the key, and a key of somebody else costs a hash.

import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto'
import { isRecord } from '../token/strict-json.ts'

interface AlgorithmRow {
  readonly kty: 'EC' | 'OKP' | 'RSA'
  readonly crv?: string
  readonly digest: string | null
  /** Of a signature, where the algorithm fixes it. */
  readonly signatureBytes?: number
  readonly padding?: { readonly padding: number; readonly saltLength: number }
}

/** RFC 7518 § 3, RFC 8037 § 3.1, RFC 9864 § 2.2. PS256: RSASSA-PSS with a salt as long as the digest. */
const algorithms: Readonly<Record<string, AlgorithmRow>> = {
  ES256: { kty: 'EC', crv: 'P-256', digest: 'sha256', signatureBytes: 64 },
  ES384: { kty: 'EC', crv: 'P-384', digest: 'sha384', signatureBytes: 96 },
  PS256: { kty: 'RSA', digest: 'sha256', padding: { padding: 6, saltLength: 32 } },
  RS256: { kty: 'RSA', digest: 'sha256' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', digest: null, signatureBytes: 64 },
  Ed25519: { kty: 'OKP', crv: 'Ed25519', digest: null, signatureBytes: 64 },
}

/** For challenges and metadata (RFC 9449 §§ 5.1, 7.1). */
export const proofAlgorithms: readonly string[] = Object.keys(algorithms)

/** RFC 7638 § 3.2: the members of the thumbprint, in its order. */
const thumbprintMembers = { EC: ['crv', 'kty', 'x', 'y'], OKP: ['crv', 'kty', 'x'], RSA: ['e', 'kty', 'n'] } as const

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** Keys in use, by thumbprint. */
const maxKeys = 1000

/** Reads the keys of proofs, and keeps those that are in use. */
export class ProofKeys {
  readonly #keys = new Map<string, KeyObject>()

  /** The public key of a proof's header; undefined where it is not the one that `jkt` names, or not one to be taken. */
  find(alg: string, jwk: unknown, jkt: string): KeyObject | undefined {
    const row = Object.hasOwn(algorithms, alg) ? algorithms[alg] : undefined
    if (!row || !isRecord(jwk) || jwk['kty'] !== row.kty || jwk['crv'] !== row.crv) return undefined
    if (privateMembers.some(name => Object.hasOwn(jwk, name))) return undefined
    if (jwk['alg'] !== undefined && jwk['alg'] !== alg) return undefined
    if (jwk['use'] !== undefined && jwk['use'] !== 'sig') return undefined
    const members = Object.fromEntries(thumbprintMembers[row.kty].map(name => [name, jwk[name]]))
    if (hash('sha256', JSON.stringify(members), 'base64url') !== jkt) return undefined
    const known = this.#keys.get(jkt)
    if (known) return known
    const key = importKey(members)
    if (key) this.#keep(jkt, key)
    return key
  }

  #keep(jkt: string, key: KeyObject): void {
    this.#keys.set(jkt, key)
    if (this.#keys.size <= maxKeys) return
    for (const [oldest] of this.#keys) {
      this.#keys.delete(oldest)
      return
    }
  }
}

function importKey(jwk: Readonly<Record<string, unknown>>): KeyObject | undefined {
  try {
    // OpenSSL refuses points that are not on their curve.
    const key = createPublicKey({ key: jwk as { kty?: string }, format: 'jwk' })
    return isSound(key) ? key : undefined
  } catch {
    return undefined
  }
}

/** Neither weak nor slow: a long modulus or exponent makes verifying cost as much as whoever made the key likes. */
function isSound(key: KeyObject): boolean {
  if (key.asymmetricKeyType !== 'rsa') return true
  const { modulusLength = 0, publicExponent = 2n ** 32n } = key.asymmetricKeyDetails ?? {}
  return modulusLength >= 2048 && modulusLength <= 8192 && publicExponent < 2n ** 32n
}

/** Whether the signature over the input (ASCII) is the key's; `alg` as `find` was given it. Never throws. */
export function verifyProofSignature(alg: string, key: KeyObject, input: string, signature: Buffer): boolean {
  const row = algorithms[alg]
  if (!row || (row.signatureBytes !== undefined && signature.length !== row.signatureBytes)) return false
  try {
    return verify(row.digest, Buffer.from(input, 'latin1'), { key, dsaEncoding: 'ieee-p1363', ...row.padding }, signature)
  } catch {
    return false
  }
}

// The algorithm belongs to the key, never to the token (RFC 8725 § 3.1). One row per algorithm says which keys it takes; a
// key fits at most one row, and a token whose `alg` is not that row's name is refused. So neither `none` nor an HMAC over
// a public key can be expressed.

import { createPublicKey, type KeyObject, verify } from 'node:crypto'

interface AlgorithmRow {
  readonly fits: (key: KeyObject) => boolean
  readonly verify: (input: Buffer, key: KeyObject, signature: Buffer) => boolean
}

const rows = {
  ES256: {
    fits: key => key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1',
    verify: (input, key, signature) =>
      signature.length === 64 && verify('sha256', input, { key, dsaEncoding: 'ieee-p1363' }, signature),
  },
  RS256: {
    fits: key => key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048,
    verify: (input, key, signature) => verify('sha256', input, key, signature),
  },
} as const satisfies Record<string, AlgorithmRow>

/** Signature algorithms that the guard knows. */
export type Algorithm = keyof typeof rows

/** A public key with the one algorithm that it may be used with. */
export interface VerificationKey {
  readonly algorithm: Algorithm
  readonly key: KeyObject
}

/** Binds a public key to its algorithm; undefined for private, secret, short or unknown keys. */
export function bindKey(key: KeyObject): VerificationKey | undefined {
  if (key.type !== 'public') return undefined
  const algorithm = (Object.keys(rows) as Algorithm[]).find(name => rows[name].fits(key))
  return algorithm && { algorithm, key }
}

/**
 * Reads one key of a JWK set (RFC 7517). Undefined for keys not meant for verification, for algorithms not known here, and
 * for keys that carry private members: an issuer that publishes those cannot be trusted with them.
 */
export function readJwk(jwk: Readonly<Record<string, unknown>>): VerificationKey | undefined {
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig') return undefined
  if (Array.isArray(jwk['key_ops']) && !jwk['key_ops'].includes('verify')) return undefined
  if (jwk['d'] !== undefined || jwk['k'] !== undefined) return undefined
  try {
    const bound = bindKey(createPublicKey({ key: jwk as { kty?: string }, format: 'jwk' }))
    return jwk['alg'] === undefined || jwk['alg'] === bound?.algorithm ? bound : undefined
  } catch {
    return undefined
  }
}

/** Whether the signature over the input (ASCII) is the key's. Never throws. */
export function verifySignature(bound: VerificationKey, input: string, signature: Buffer): boolean {
  try {
    return rows[bound.algorithm].verify(Buffer.from(input, 'latin1'), bound.key, signature)
  } catch {
    return false
  }
}

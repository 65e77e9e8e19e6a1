// Signing compact JWS (RFC 7515) with a key of the client's own: DPoP proofs and client assertions. The algorithm belongs to the
// key. Nothing of a private key ever gets into a header, a claim or an error.

import { createPrivateKey, createPublicKey, generateKeyPairSync, KeyObject, sign } from 'node:crypto'

/** Algorithms that the client signs with. */
export type SigningAlgorithm = 'ES256' | 'ES384' | 'PS256' | 'RS256' | 'EdDSA'

/** A private key: PEM (PKCS #8), or as Node has it. */
export interface SigningKeyOptions {
  readonly privateKey: KeyObject | string | Buffer
  /** Default: what the key is for. An RSA key is for PS256, and for RS256 if that is named here. */
  readonly algorithm?: SigningAlgorithm
}

interface AlgorithmRow {
  readonly fits: (key: KeyObject) => boolean
  readonly digest: string | null
  readonly padding?: { readonly padding: number; readonly saltLength: number }
}

const isCurve = (key: KeyObject, curve: string): boolean => key.asymmetricKeyDetails?.namedCurve === curve
const isStrongRsa = (key: KeyObject): boolean =>
  key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048

/** RFC 7518 § 3, RFC 8037 § 3.1. The first that fits is a key's own. */
const rows: Readonly<Record<SigningAlgorithm, AlgorithmRow>> = {
  ES256: { fits: key => isCurve(key, 'prime256v1'), digest: 'sha256' },
  ES384: { fits: key => isCurve(key, 'secp384r1'), digest: 'sha384' },
  EdDSA: { fits: key => key.asymmetricKeyType === 'ed25519', digest: null },
  PS256: { fits: isStrongRsa, digest: 'sha256', padding: { padding: 6, saltLength: 32 } },
  RS256: { fits: isStrongRsa, digest: 'sha256' },
}

/** A private key with the one algorithm that it is used with. */
export class SigningKey {
  readonly algorithm: SigningAlgorithm
  /** The public half (RFC 7517), for a DPoP proof's header. */
  readonly publicJwk: Readonly<Record<string, unknown>>
  readonly #key: KeyObject

  /** Throws a TypeError for what is no private key, too weak, or not for the algorithm. */
  constructor({ privateKey, algorithm }: SigningKeyOptions, what: string) {
    const key = readPrivateKey(privateKey, what)
    const names = algorithm === undefined ? (Object.keys(rows) as SigningAlgorithm[]) : [algorithm]
    const found = names.find(name => rows[name]?.fits(key))
    if (!found) throw new TypeError(`${what}: the key must be P-256, P-384, Ed25519 or RSA of 2048 bits, and fit its algorithm`)
    this.algorithm = found
    this.publicJwk = createPublicKey(key).export({ format: 'jwk' }) as Record<string, unknown>
    this.#key = key
  }

  /** A new P-256 key, for as long as this process has it. */
  static generate(): SigningKey {
    return new SigningKey({ privateKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }, 'a new key')
  }

  /** A compact JWS of these claims; `alg` is added to the header. */
  sign(header: Readonly<Record<string, unknown>>, claims: Readonly<Record<string, unknown>>): string {
    const { digest, padding } = rows[this.algorithm]
    const input = `${encode({ ...header, alg: this.algorithm })}.${encode(claims)}`
    const signature = sign(digest, Buffer.from(input), { key: this.#key, dsaEncoding: 'ieee-p1363', ...padding })
    return `${input}.${signature.toString('base64url')}`
  }
}

function readPrivateKey(given: SigningKeyOptions['privateKey'], what: string): KeyObject {
  let key: KeyObject | undefined
  try {
    key = given instanceof KeyObject ? given : createPrivateKey(given)
  } catch {
    // The parser's own words may quote what it was given.
  }
  if (key?.type !== 'private') throw new TypeError(`${what}: privateKey is no private key`)
  return key
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

// did:key: the identifier is the key. Multibase base58btc of a multicodec number and the key's bytes (did:key § 3.1).

import { ECDH } from 'node:crypto'
import { base58 } from '@scure/base'

/** Multicodec, as the varint that stands in front of the key: what follows it, and how it becomes a JWK. */
const codecs = [
  { prefix: [0xed, 0x01], sizeBytes: 32, toJwk: ed25519Jwk },
  { prefix: [0x80, 0x24], sizeBytes: 33, toJwk: p256Jwk },
] as const

/** The longest text of the kinds above; a longer one is not decoded, since decoding takes quadratic time. */
const maxTextLength = 64

export type PublicJwk = Readonly<Record<string, string>>

/** The public key (JWK) of `did:key:z…`, Ed25519 or P-256; undefined for other keys and for what is no key at all. */
export function readDidKey(did: string): PublicJwk | undefined {
  const text = did.slice('did:key:z'.length)
  if (text.length > maxTextLength) return undefined
  try {
    const bytes = base58.decode(text)
    const codec = codecs.find(
      ({ prefix, sizeBytes }) => prefix.every((byte, i) => bytes[i] === byte) && bytes.length === prefix.length + sizeBytes,
    )
    return codec?.toJwk(bytes.subarray(codec.prefix.length))
  } catch {
    return undefined
  }
}

function ed25519Jwk(key: Uint8Array): PublicJwk {
  return { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(key).toString('base64url') }
}

/** The point is written compressed (SEC 1 § 2.3.3). Throws when there is no such point. */
function p256Jwk(key: Uint8Array): PublicJwk {
  const point = ECDH.convertKey(key, 'prime256v1', undefined, undefined, 'uncompressed') as Buffer
  return {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  }
}

// Access that is asked for by somebody else than its holder is given out encrypted to the holder's key, as a JWE (RFC 7516).

import { createPublicKey, type KeyObject } from 'node:crypto'
import { CompactEncrypt } from 'jose'
import { refuseProblems, type ValidationProblem } from '#core/errors/validation-error.ts'
import { jwkThumbprint, type PublicKeyJwk } from '#core/jwt/jwk-thumbprint.ts'
import { holdsPrivateKey } from '#core/jwt/private-members.ts'
import type { Access } from './connector.ts'

export interface HolderKey {
  readonly key: KeyObject
  readonly alg: 'ECDH-ES' | 'RSA-OAEP-256'
  /** RFC 7638, base64url. */
  readonly thumbprint: string
}

const leastRsaBits = 2048

/** jwk: EC (P-256, P-384, P-521), X25519, or RSA of 2048 bits and more. pointer: where it stands. Throws ValidationError. */
export function parseHolderKey(jwk: Readonly<Record<string, unknown>>, pointer: string): HolderKey {
  const refuse = (detail: string): never => {
    refuseProblems([{ pointer, detail } satisfies ValidationProblem])
    throw new TypeError(detail)
  }
  if (holdsPrivateKey(jwk)) refuse('Send the public key only; this one is private and must not be used any more.')
  let key: KeyObject
  try {
    key = createPublicKey({ key: jwk as never, format: 'jwk' })
  } catch {
    return refuse('This is no public key (RFC 7517).')
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  const thumbprint = jwkThumbprint(key.export({ format: 'jwk' }) as PublicKeyJwk)
  if (type === 'x25519') return { key, alg: 'ECDH-ES', thumbprint }
  if (type === 'ec' && ['prime256v1', 'secp384r1', 'secp521r1'].includes(details?.namedCurve ?? ''))
    return { key, alg: 'ECDH-ES', thumbprint }
  if (type === 'rsa' && (details?.modulusLength ?? 0) >= leastRsaBits) return { key, alg: 'RSA-OAEP-256', thumbprint }
  return refuse('Use a key of P-256, P-384, P-521 or X25519, or RSA of 2048 bits or more.')
}

/** A compact JWE whose content is the access as JSON. */
export function sealAccess(access: Access, { key, alg }: HolderKey): Promise<string> {
  return new CompactEncrypt(Buffer.from(JSON.stringify(access)))
    .setProtectedHeader({ alg, enc: 'A256GCM', cty: 'application/json' })
    .encrypt(key)
}

import { hash } from 'node:crypto'

/** A public key as RFC 7517 writes it; nothing of it is checked yet. */
export type PublicKeyJwk = Readonly<Record<string, unknown>>

/** RFC 7638 § 3.2, RFC 8037 § 2: what the thumbprint covers, in its order. */
const members: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
}

/** RFC 7638 § 3, base64url of SHA-256. Throws for a type of key that nobody may have here. */
export function jwkThumbprint(jwk: PublicKeyJwk): string {
  const names = members[String(jwk['kty'])]
  if (!names) throw new RangeError('no thumbprint for this key type')
  return hash('sha256', JSON.stringify(Object.fromEntries(names.map(name => [name, jwk[name]]))), 'base64url')
}

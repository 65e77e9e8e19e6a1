import { expect, test } from 'vitest'
import { jwkThumbprint } from '#core/jwt/jwk-thumbprint.ts'

const rsa = {
  kty: 'RSA',
  n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
  e: 'AQAB',
}
const okp = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }

test.each([
  ['RFC 7638 § 3.1', rsa, 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'],
  ['RFC 8037 Appendix A.3', okp, 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'],
])('names the key of %s as the RFC does, whatever else the JWK says and in whatever order', (_source, jwk, thumbprint) => {
  const reordered = Object.fromEntries(Object.entries({ ...jwk, alg: 'none', kid: 'a' }).toReversed())
  expect([jwkThumbprint(jwk), jwkThumbprint(reordered)]).toEqual([thumbprint, thumbprint])
})

test('gives no name to a symmetric key', () => {
  expect(() => jwkThumbprint({ kty: 'oct', k: 'AA' })).toThrow(RangeError)
})

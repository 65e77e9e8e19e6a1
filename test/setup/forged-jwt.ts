// JWTs with whatever header and claims a test wants, signed with any key in any way, also wrongly.

import { createHmac, createPrivateKey, randomUUID, sign } from 'node:crypto'
import { getSigningJwk, type IdpKeys } from '#apps/idp/idp-keys.ts'
import type { RunningBroker } from './running-broker.ts'
import { subjectAudience } from './running-broker.ts'

export const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** Claims that the test broker accepts as the pop agent's. */
export function goodClaims(running: RunningBroker, changes: Record<string, unknown> = {}): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: running.idp.issuer,
    sub: 'workload',
    aud: subjectAudience,
    iat: now,
    exp: now + 600,
    jti: randomUUID(),
    run_id: 'run-forged',
    ...changes,
  }
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined))
}

/** Signs with the issuer's own key. header: added to, or replacing, `alg`, `kid` and `typ`. */
export function signAsIssuer(
  keys: IdpKeys,
  claims: unknown,
  header: Record<string, unknown> = {},
  alg: 'ES256' | 'RS256' = 'ES256',
) {
  const { kid, ...jwk } = getSigningJwk(keys, alg)
  const head = Object.fromEntries(Object.entries({ alg, kid, typ: 'JWT', ...header }).filter(([, value]) => value !== undefined))
  const signed = `${encode(head)}.${encode(claims)}`
  const key = createPrivateKey({ key: jwk, format: 'jwk' })
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

/** HMAC-SHA256 under any text as key. */
export function signHmac(secret: string, claims: unknown, header: Record<string, unknown>): string {
  const signed = `${encode(header)}.${encode(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

/** ES256: where (r, s) is a signature, (r, n - s) is one as well (SEC 1 § 4.1.4), and nobody needs a key to write it. */
export function otherSignature(token: string): string {
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const dot = token.lastIndexOf('.') + 1
  const signature = Buffer.from(token.slice(dot), 'base64url')
  const s = n - BigInt(`0x${signature.toString('hex', 32)}`)
  signature.write(s.toString(16).padStart(64, '0'), 32, 'hex')
  return token.slice(0, dot) + signature.toString('base64url')
}

// An OpenID issuer in memory: its keys, the tokens that it signs, and what Mayfly makes of them. Tokens are right until a
// test bends them.

import { exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose'
import type { AgentRule } from '#core/registry/agent.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { type FetchJwks, JwksStore } from '#core/subject/jwks-store.ts'
import { verifyJwtSubject } from '#core/subject/verify-jwt-subject.ts'
import { proofsBy } from './proofs-by.ts'
import { audience, issuer, makeAgent, makeSnapshot } from './snapshot.ts'

const nowMs = 1_795_305_600_000
export const now = nowMs / 1000
export const sub = 'repo:org/app:ref:main'
export const rule: AgentRule = { trust_source: 'source-ci', claims: { sub: 'repo:org/*:ref:main' } }
export const agent = makeAgent([rule])

const newKeys = (alg: string) => generateKeyPair(alg, { extractable: true })
export const keys = await newKeys('ES256')
export const rsa = await newKeys('RS256')
export const stranger = await newKeys('ES256')
export const jwks: { keys: Record<string, unknown>[] } = {
  keys: [
    { ...(await exportJWK(keys.publicKey)), kid: 'ec', alg: 'ES256', use: 'sig' },
    { ...(await exportJWK(rsa.publicKey)), kid: 'rsa' },
  ],
}

export const claims = (change: Record<string, unknown> = {}): Record<string, unknown> => {
  const all: Record<string, unknown> = { iss: issuer, aud: audience, sub, iat: now - 10, exp: now + 300, ...change }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

export const sign = (change: Record<string, unknown> = {}, header: Partial<JWTHeaderParameters> = {}, key = keys.privateKey) =>
  new SignJWT(claims(change)).setProtectedHeader({ alg: 'ES256', kid: 'ec', typ: 'JWT', ...header }).sign(key)

/** Verifies against a key store of its own, whose fetches are counted. */
export function newVerifier(fetch: FetchJwks = async () => jwks) {
  let fetches = 0
  const store = new JwksStore(source => {
    fetches++
    return fetch(source)
  })
  const proofs = proofsBy(store)
  const verify = async (token: string, snapshot: TenantSnapshot = makeSnapshot({ agents: [agent] })) =>
    (await verifyJwtSubject(snapshot, proofs, { token, request: {} }, nowMs)).result
  const reasonOf = async (token: string, snapshot?: TenantSnapshot): Promise<string | undefined> => {
    const result = await verify(token, snapshot)
    return result.ok ? undefined : result.reason
  }
  return { verify, reasonOf, fetches: () => fetches }
}

import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { type JWTPayload, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { verifyClientAssertion } from '#core/client/verify-client-assertion.ts'
import { jwkThumbprint } from '#core/jwt/jwk-thumbprint.ts'
import type { AgentRule } from '#core/registry/agent.ts'
import type { TrustSource } from '#core/registry/trust-source.ts'
import { makeAgent, makeSnapshot, openIdSource } from '../subject/snapshot.ts'

const nowMs = Date.parse('2026-11-22T12:00:00Z')
const now = nowMs / 1000
const pair = (curve = 'P-256') => generateKeyPairSync('ec', { namedCurve: curve })
const jwkOf = (keys: ReturnType<typeof pair>) => keys.publicKey.export({ format: 'jwk' }) as Record<string, unknown>

const keys = pair()
const rule = (jwk: Record<string, unknown>) => ({ trust_source: 'pins', jwk }) as unknown as AgentRule
const pins = { kind: 'pinned', id: 'pins', name: 'pins' } as unknown as TrustSource
const agent = makeAgent([rule(jwkOf(keys))])
const otherKeys = pair()
const other = makeAgent([rule(jwkOf(otherKeys))])
const snapshot = makeSnapshot({ sources: [openIdSource(), pins], agents: [agent, other] })
const { issuer } = snapshot.tenant

const good: JWTPayload = { iss: agent.clientId, sub: agent.clientId, aud: issuer, iat: now, exp: now + 60, jti: 'one' }

function sign(claims: JWTPayload = {}, { key = keys.privateKey, header = {} as Record<string, unknown> } = {}): Promise<string> {
  return new SignJWT({ ...good, ...claims }).setProtectedHeader({ alg: 'ES256', ...header }).sign(key)
}
const verify = (assertion: string, at = snapshot) => verifyClientAssertion(at, assertion, nowMs)

describe('an assertion', () => {
  test.each([{}, { typ: 'JWT' }, { typ: 'client-authentication+jwt' }, { kid: 'any, since the key was registered without' }])(
    'signed with a registered key authenticates its client, with header %j',
    async header => {
      expect(await verify(await sign({}, { header }))).toEqual({
        ok: true,
        agent,
        thumbprint: jwkThumbprint(jwkOf(keys)),
        use: [agent.id, 'one'],
        expiresSeconds: now + 60,
        boundKey: undefined,
      })
    },
  )

  test('says which key alone may be presented beside it, where it is bound to one', async () => {
    const bound = await verify(await sign({ cnf: { jkt: 'abc' } } as JWTPayload))
    expect(bound).toMatchObject({ ok: true, boundKey: { kind: 'jkt', thumbprint: 'abc' } })
    const odd = await verify(await sign({ cnf: { jwk: {} } } as JWTPayload))
    expect(odd).toMatchObject({ ok: false, reason: 'unsupported_binding' })
  })

  test('may name its audience as a list of one (7523bis)', async () => {
    expect((await verify(await sign({ aud: [issuer] }))).ok).toBe(true)
  })

  test.each<[name: string, claims: JWTPayload, reason: string]>([
    ['for the token endpoint (7523bis)', { aud: `${issuer}/token` }, 'wrong_audience'],
    ['for another issuer (threats 12)', { aud: 'https://other.example' }, 'wrong_audience'],
    ['for us and another', { aud: [issuer, 'https://other.example'] }, 'wrong_audience'],
    ['without an audience', { aud: undefined }, 'wrong_audience'],
    ['that speaks of another', { sub: other.clientId }, 'wrong_client'],
    ['of nobody', { iss: undefined, sub: undefined }, 'wrong_client'],
    ['of a client that does not exist', { iss: 'agt_x', sub: 'agt_x' }, 'unproven_assertion'],
    ['of another client, signed with its own key', { iss: other.clientId, sub: other.clientId }, 'unproven_assertion'],
    ['that has expired', { exp: now }, 'expired'],
    ['without an end', { exp: undefined }, 'expired'],
    ['that would live for long', { exp: now + 3600 }, 'too_long'],
    ['of the future', { iat: now + 60 }, 'issued_in_future'],
    ['not yet valid', { nbf: now + 60 }, 'issued_in_future'],
    ['without jti', { jti: undefined }, 'missing_claim'],
    ['with a huge jti', { jti: 'x'.repeat(257) }, 'missing_claim'],
  ])('%s is refused', async (_name, claims, reason) => {
    expect(await verify(await sign(claims))).toMatchObject({ ok: false, reason })
  })

  test.each(['at+jwt', 'dpop+jwt', 'oauth-id-jag+jwt', 'logout+jwt'])('whose typ is %s is another kind of token', async typ => {
    expect(await verify(await sign({}, { header: { typ } }))).toMatchObject({ ok: false, reason: 'wrong_typ' })
  })

  test('signed with a key that nobody registered, or by a symmetric key or none, is refused (threats 7)', async () => {
    const unproven = { ok: false, reason: 'unproven_assertion' }
    expect(await verify(await sign({}, { key: pair().privateKey }))).toMatchObject(unproven)
    const secret = Buffer.from(keys.publicKey.export({ format: 'pem', type: 'spki' }))
    expect(await verify(await new SignJWT(good).setProtectedHeader({ alg: 'HS256' }).sign(secret))).toMatchObject(unproven)
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(good)).toString('base64url')}`
    expect((await verify(`${none}.`)).ok).toBe(false)
    expect(await verify(`${none}.AA`)).toMatchObject(unproven)
  })

  test('is held to the kid and alg that the key was registered with', async () => {
    const strict = makeAgent([rule({ ...jwkOf(keys), kid: 'k1', alg: 'ES256' })], { id: agent.id, clientId: agent.clientId })
    const at = makeSnapshot({ sources: [pins], agents: [strict] })
    expect((await verify(await sign({}, { header: { kid: 'k1' } }), at)).ok).toBe(true)
    expect(await verify(await sign({}, { header: { kid: 'k2' } }), at)).toMatchObject({ reason: 'unproven_assertion' })
  })

  test('is not accepted by a key that was registered for something else than verifying', async () => {
    const sealing = makeAgent([rule({ ...jwkOf(keys), key_ops: ['deriveKey'] })], { id: agent.id, clientId: agent.clientId })
    const at = makeSnapshot({ sources: [pins], agents: [sealing] })
    expect(await verify(await sign(), at)).toMatchObject({ reason: 'unproven_assertion' })
  })

  test('proves nothing when its key is registered under a trust source of another kind', async () => {
    const at = makeSnapshot({ sources: [{ ...openIdSource(), id: 'pins' }], agents: [agent] })
    expect(await verify(await sign(), at)).toMatchObject({ reason: 'unproven_assertion' })
  })

  test('that is any text at all is refused and never throws', async () => {
    await fc.assert(fc.asyncProperty(fc.string(), async text => !(await verify(text)).ok))
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.jsonValue(), async (header, payload) => {
        const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
        return !(await verify(`${part(header)}.${part(payload)}.AAAA`)).ok
      }),
    )
  })
})

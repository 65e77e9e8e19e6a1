import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { generateIdpKeys, publicJwks } from '#apps/idp/idp-keys.ts'
import { type SignInProvider, toSignInProvider } from '#core/operators/sign-in/provider.ts'
import { verifyIdToken } from '#core/operators/sign-in/verify-id-token.ts'
import { JwksStore } from '#core/subject/jwks-store.ts'
import { encode, otherSignature, signAsIssuer, signHmac } from '#test/setup/forged-jwt.ts'
import { createPeople, type People } from '#test/setup/people.ts'

let people: People
let jwks: JwksStore
beforeAll(async () => {
  people = await createPeople()
  jwks = new JwksStore(source => people.fetchKeys(source))
})

const provider = (config: Record<string, unknown> = {}): SignInProvider =>
  toSignInProvider({
    id: 'p',
    tenant_id: null,
    name: 'login',
    issuer: people.issuer,
    client_id: people.clientId,
    config: { groups_claim: 'groups', rules: [], scopes: ['openid'], session_ttl_seconds: 60, ...config },
    created_at: new Date(),
    updated_at: new Date(),
  })

const nonce = 'n-1'
const claims = (changes: Record<string, unknown> = {}) => people.claims('ann', ['a'], { nonce, ...changes })
const verify = (token: string, at = provider()) => verifyIdToken(at, jwks, { token, nonce }, Date.now())
const now = () => Math.floor(Date.now() / 1000)

describe('an ID token', () => {
  test('is taken when the provider signed it for this client and this sign-in', async () => {
    const result = await verify(signAsIssuer(people.keys, claims({ aud: [people.clientId] })))
    expect(result).toMatchObject({ ok: true, idToken: { subject: 'ann' } })
    expect((await verify(signRs256())).ok).toBe(true)
  })

  test.each<[string, string, Record<string, unknown>, Record<string, unknown>?]>([
    ['another issuer', 'wrong_issuer', { iss: 'https://login.example/' }],
    ['no issuer', 'wrong_issuer', { iss: undefined }],
    ['another client', 'wrong_audience', { aud: 'other-client' }],
    ['several audiences', 'wrong_audience', { aud: ['mayfly-cli', 'other-client'] }],
    ['no audience', 'wrong_audience', { aud: undefined }],
    ['another authorized party', 'wrong_party', { azp: 'other-client' }],
    ['another nonce', 'wrong_nonce', { nonce: 'n-2' }],
    ['no nonce', 'wrong_nonce', { nonce: undefined }],
    ['no subject', 'no_subject', { sub: undefined }],
    ['an empty subject', 'no_subject', { sub: '' }],
    ['a subject with a control character', 'no_subject', { sub: 'a\u0000b' }],
    ['a subject that is too long', 'no_subject', { sub: 'x'.repeat(256) }],
    ['no end', 'expired', { exp: undefined }],
    ['an end in the past', 'expired', { exp: 1 }],
    ['no beginning', 'issued_in_future', { iat: undefined }],
    ['a beginning that is a text', 'issued_in_future', { iat: '1' }],
    ['a logout event', 'wrong_typ', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }],
    ['the typ of an access token', 'wrong_typ', {}, { typ: 'at+jwt' }],
    ['the typ of a logout token', 'wrong_typ', {}, { typ: 'logout+jwt' }],
    ['a key that the issuer does not publish', 'unknown_key', {}, { kid: 'unheard' }],
  ])('is refused for %s', async (_what, reason, changes, header) => {
    expect(await verify(signAsIssuer(people.keys, claims(changes), header))).toEqual({ ok: false, reason })
  })

  test('without a nonce is taken from who sends none, and one with a nonce is not', async () => {
    const check = (changes: object) =>
      verifyIdToken(provider(), jwks, { token: signAsIssuer(people.keys, claims({ ...changes })), nonce: undefined }, Date.now())
    expect((await check({ nonce: undefined })).ok).toBe(true)
    for (const held of [nonce, '', null]) expect(await check({ nonce: held })).toEqual({ ok: false, reason: 'wrong_nonce' })
  })

  test('is refused at its end, when it is ten minutes old, and when it lies ahead', async () => {
    const at = (changes: Record<string, unknown>) => verify(signAsIssuer(people.keys, claims(changes)))
    expect(await at({ exp: now() })).toEqual({ ok: false, reason: 'expired' })
    expect(await at({ iat: now() - 600, exp: now() + 3600 })).toEqual({ ok: false, reason: 'too_old' })
    expect(await at({ iat: now() + 60 })).toEqual({ ok: false, reason: 'issued_in_future' })
    expect(await at({ nbf: now() + 60 })).toEqual({ ok: false, reason: 'not_yet_valid' })
    expect((await at({ iat: now() - 590, exp: now() + 3600 })).ok).toBe(true)
  })

  test('for an audience of its own must say in azp which client it was made for', async () => {
    const own = provider({ audience: 'https://mayfly.example' })
    const made = (changes: Record<string, unknown>) =>
      signAsIssuer(people.keys, claims({ aud: 'https://mayfly.example', ...changes }))
    expect(await verify(made({}), own)).toEqual({ ok: false, reason: 'wrong_party' })
    expect(await verify(made({ azp: 'other' }), own)).toEqual({ ok: false, reason: 'wrong_party' })
    expect((await verify(made({ azp: people.clientId }), own)).ok).toBe(true)
    expect(await verify(signAsIssuer(people.keys, claims()), own)).toEqual({ ok: false, reason: 'wrong_audience' })
  })

  test('is refused unsigned, with HMAC under the public key, and with another key under the same kid', async () => {
    const none = `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims())}.`
    expect(await verify(none)).toEqual({ ok: false, reason: 'malformed' })
    expect(await verify(`${encode({ alg: 'none' })}.${encode(claims())}.AA`)).toEqual({ ok: false, reason: 'algorithm_refused' })
    const [jwk] = publicJwks(people.keys).keys as [{ kid: string }]
    const pem = createPublicKey({ key: jwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
    const hmac = signHmac(String(pem), claims(), { alg: 'HS256', kid: jwk.kid, typ: 'JWT' })
    expect(await verify(hmac)).toEqual({ ok: false, reason: 'algorithm_refused' })
    const stranger = signAsIssuer(await generateIdpKeys(), claims(), { kid: jwk.kid })
    expect(await verify(stranger)).toEqual({ ok: false, reason: 'bad_signature' })
  })

  test('is the same token however its signature is written', async () => {
    const token = signAsIssuer(people.keys, claims())
    const [first, second] = [await verify(token), await verify(otherSignature(token))]
    if (!first.ok || !second.ok) throw new Error('both signatures are good')
    expect(second.idToken.hash).toEqual(first.idToken.hash)
  })

  test.each(['', 'x', 'a.b', 'a.b.c.d', 'eyJhbGciOiJFUzI1NiJ9.e30.', '..'])(
    '%j is refused without a look at any key',
    async text => {
      expect(await verify(text)).toEqual({ ok: false, reason: 'malformed' })
    },
  )
})

function signRs256(): string {
  const jwk = people.keys.keys.find(key => key.alg === 'RS256')!
  const signed = `${encode({ alg: 'RS256', kid: jwk.kid, typ: 'JWT' })}.${encode(claims())}`
  const key = createPrivateKey({ key: jwk as never, format: 'jwk' })
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`
}

// Becoming an operator with what was made for something else, and being one's own second person.

import { createPublicKey } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateIdpKeys, publicJwks } from '#apps/idp/idp-keys.ts'
import { newSecret } from '#core/ids/secret.ts'
import { encode, otherSignature, signAsIssuer, signHmac } from '#test/setup/forged-jwt.ts'
import { bootstrap, type Management, type Operators, ordersApi, startManagement } from '../apps/broker/v1/management.ts'

let api: Management
let who: Operators
/** Of tenant A. */
let provider: string
beforeAll(async () => {
  api = await startManagement()
  who = await bootstrap(api)
  provider = (await api.call('POST', '/v1/sign-in-providers', who.tenantAdmin, api.people.provider())).body.id
})
afterAll(() => api.close())

const admins = ['mayfly-admins']
const enter = (subject: string, groups: readonly string[] = admins, at = provider) =>
  api.call('POST', '/v1/sessions', undefined, api.people.signIn(at, subject, groups))
const post = (body: object) => api.call('POST', '/v1/sessions', undefined, body)
const countSessions = async () =>
  (await api.admin<{ n: number }[]>`select count(*)::int as n from mayfly.credential where kind = 'session'`)[0]!.n

/** Sends an ID token that must open nothing. */
async function expectRefused(body: object): Promise<void> {
  const before = await countSessions()
  const answer = await post(body)
  expect([answer.status, answer.body.type]).toEqual([401, 'urn:mayfly:error:sign_in_refused'])
  // Nothing tells a thief how far it came.
  expect(answer.body.detail).toBeUndefined()
  expect(await countSessions()).toBe(before)
}

describe('a sign-in (attack 40)', () => {
  const forged = (claims: Record<string, unknown>, header = {}) => ({
    provider,
    id_token: signAsIssuer(api.people.keys, api.people.claims('ann', admins, { nonce: 'n', ...claims }), header),
    nonce: 'n',
  })

  test('opens nothing with the ID token of another client, another provider, or another sign-in', async () => {
    await expectRefused(forged({ aud: 'some-other-app' }))
    await expectRefused(forged({ aud: ['some-other-app', 'mayfly-cli'] }))
    await expectRefused(forged({ azp: 'some-other-app' }))
    await expectRefused(forged({ iss: 'https://login.example.evil' }))
    await expectRefused({ ...forged({}), nonce: 'another' })
    await expectRefused(forged({ nonce: undefined }))
    await expectRefused({ ...forged({}), provider: `idp_${'0'.repeat(32)}` })
  })

  test('opens nothing with a token that is none: unsigned, HMAC under the public key, of another kind, of another key', async () => {
    const claims = api.people.claims('ann', admins, { nonce: 'n' })
    const [jwk] = publicJwks(api.people.keys).keys as [{ kid: string }]
    const pem = String(createPublicKey({ key: jwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' }))
    for (const id_token of [
      `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`,
      `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.AA`,
      signHmac(pem, claims, { alg: 'HS256', typ: 'JWT', kid: jwk.kid }),
      signHmac(` ${pem}`, claims, { alg: 'HS256', typ: 'JWT', kid: jwk.kid }),
      signAsIssuer(await generateIdpKeys(), claims, { kid: jwk.kid }),
      signAsIssuer(await generateIdpKeys(), claims, { jwk: { kty: 'EC' }, jku: 'https://evil.example/jwks' }),
      signAsIssuer(api.people.keys, claims, { typ: 'at+jwt' }),
      signAsIssuer(api.people.keys, { ...claims, events: {} }),
      newSecret('operator'),
      'not a token',
    ])
      await expectRefused({ provider, id_token, nonce: 'n' })
  })

  test('opens one session with one ID token, however its signature is written and in whichever tenant', async () => {
    const elsewhere = await api.call('POST', '/v1/sign-in-providers', who.otherAdmin, api.people.provider())
    const body = api.people.signIn(provider, 'ann', admins)
    expect((await post(body)).status).toBe(201)
    await expectRefused(body)
    await expectRefused({ ...body, id_token: otherSignature(body.id_token) })
    await expectRefused({ ...body, provider: elsewhere.body.id })
  })

  test('at a provider of tenant B opens nothing in tenant A, whatever role B gives', async () => {
    const rules = [{ group: 'everyone', role: 'tenant-admin' }]
    const own = await api.call('POST', '/v1/sign-in-providers', who.otherAdmin, api.people.provider({ name: 'mine', rules }))
    const opened = await enter('mallory', ['everyone'], own.body.id)
    expect(opened.body.operator).toMatchObject({ tenant: who.otherTenant, role: 'tenant-admin' })
    const made = await api.call('POST', '/v1/resources', who.tenantAdmin, { ...ordersApi, uri: 'https://api.example/a' })
    expect((await api.call('GET', `/v1/resources/${made.body.id}`, opened.body.token)).status).toBe(404)
    expect((await api.call('GET', `/v1/tenants/${who.tenant}`, opened.body.token)).status).toBe(404)
    expect((await api.call('PUT', `/v1/tenants/${who.tenant}/two-person`, opened.body.token, { classes: [] })).status).toBe(404)
    const body = { name: 'x', role: 'auditor', tenant: who.tenant }
    expect((await api.call('POST', '/v1/operators', opened.body.token, body)).status).toBe(403)
    expect((await api.call('POST', '/v1/tenants', opened.body.token, { slug: 'evil', name: 'Evil' })).status).toBe(403)
    const grab = api.people.provider({ rules: [{ group: 'everyone', role: 'platform-admin' }] })
    expect((await api.call('PUT', `/v1/sign-in-providers/${own.body.id}`, opened.body.token, grab)).status).toBe(400)
  })

  test('leaves no ID token, nonce or session in the log of the broker or in its database', async () => {
    const body = api.people.signIn(provider, 'careful', admins)
    const opened = await post(body)
    await post(body)
    const rows = await api.admin`select c::text as row from mayfly.credential c union all select r::text from mayfly.replay r`
    for (const text of [api.logLines.join(''), JSON.stringify(rows)]) {
      expect(text).not.toContain(body.id_token.slice(-40))
      expect(text).not.toContain(body.nonce)
      expect(text).not.toContain(opened.body.token.slice(4, 44))
    }
  })

  test('guessed at, or sent again, by one address is soon turned away before it is read', async () => {
    const junk = { provider, id_token: 'eyJhbGciOiJFUzI1NiJ9.e30.AAAA', nonce: 'n' }
    const used = api.people.signIn(provider, 'twice', ['admins'])
    await post(used)
    const statuses: number[] = []
    for (let i = 0; i < 230; i++) statuses.push((await post(i % 2 === 0 ? junk : used)).status)
    expect(statuses.slice(0, 100).every(status => status === 401)).toBe(true)
    expect(statuses.at(-1)).toBe(429)
    expect((await api.call('GET', '/v1/whoami', who.tenantAdmin)).status).toBe(200)
  })
})

describe('a second person (attack 40)', () => {
  let other: Management
  let op: Operators
  let [ann, ben] = ['', '']
  beforeAll(async () => {
    other = await startManagement()
    op = await bootstrap(other)
    const at = (await other.call('POST', '/v1/sign-in-providers', op.tenantAdmin, other.people.provider())).body.id
    const open = async (subject: string) =>
      (await other.call('POST', '/v1/sessions', undefined, other.people.signIn(at, subject, admins))).body.token
    ;[ann, ben] = [await open('ann'), await open('ben')]
  })
  afterAll(() => other.close())

  const propose = async (token: string): Promise<string> => {
    const uri = `https://api.example/${Math.random()}`
    return (await other.call('POST', '/v1/resources', token, { ...ordersApi, uri })).body.change
  }
  const approve = (change: string, token: string) => other.call('POST', `/v1/changes/${change}/approve`, token)
  const token = async (maker: string, role = 'tenant-admin') =>
    (await other.call('POST', '/v1/operators', maker, { name: `t${Math.random()}`, role })).body.token as string

  test('is never the first one: not by itself, not by a second session, not by its tokens or by theirs', async () => {
    const [first, loose, looseChild] = [await token(ann), await token(op.tenantAdmin), await token(op.tenantAdmin)]
    const [second, bens] = [await token(first, 'approver'), await token(ben, 'approver')]
    const from = await other.call(
      'POST',
      '/v1/sessions',
      undefined,
      other.people.signIn((await other.call('GET', '/v1/sign-in')).body.providers[0].id, 'ann', admins, {
        email: 'ben@example.com',
        name: 'Ben',
      }),
    )
    const fromAbove = (
      await other.call('POST', '/v1/operators', op.platformAdmin, { name: 'above', role: 'tenant-admin', tenant: op.tenant })
    ).body.token
    await other.call('PUT', `/v1/tenants/${op.tenant}/two-person`, ann, { classes: ['ceilings'] })
    for (const proposer of [ann, first]) {
      const change = await propose(proposer)
      for (const same of [ann, first, second, from.body.token, loose, looseChild, op.tenantAdmin, fromAbove]) {
        const answer = await approve(change, same)
        expect([answer.status, answer.body.type]).toEqual([403, 'urn:mayfly:error:second_person_needed'])
      }
      expect((await approve(change, bens)).body.status).toBe('applied')
    }
    // What nobody answers for may ask, and then needs a person.
    const change = await propose(loose)
    expect((await approve(change, looseChild)).status).toBe(403)
    expect((await approve(change, ann)).body.status).toBe('applied')
  })

  test('is nobody of the deployment, who could make as many people as it likes', async () => {
    const rules = [{ group: 'ops', role: 'platform-admin' }]
    const at = await other.call('POST', '/v1/sign-in-providers', op.platformAdmin, other.people.provider({ rules }))
    const root = await other.call('POST', '/v1/sessions', undefined, other.people.signIn(at.body.id, 'root', ['ops']))
    const made = { name: 'puppet', role: 'tenant-admin', tenant: op.tenant }
    const puppet = (await other.call('POST', '/v1/operators', root.body.token, made)).body.token
    const change = await propose(ann)
    expect((await approve(change, puppet)).body.type).toBe('urn:mayfly:error:second_person_needed')
    expect((await approve(change, root.body.token)).status).toBe(403)
    // The same human being with two roles is one person.
    const both = await other.call('POST', '/v1/sessions', undefined, other.people.signIn(at.body.id, 'ben', ['ops']))
    await other.admin`update mayfly.tenant set two_person = ${other.admin.json(['operators'])} where is_first`
    const asked = await other.call('POST', '/v1/operators', both.body.token, { ...made, name: 'mine' })
    expect((await approve(asked.body.change, ben)).body.type).toBe('urn:mayfly:error:second_person_needed')
  })
})

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sweepErasures } from '#core/audit/erasure/sweep.ts'
import { parseId } from '#core/ids/id.ts'
import { hashList } from '#core/subject/subject.ts'
import { createMemoryStore } from '#core/tlog/tile-store.ts'
import { errorOf, resource, startTwoPeople, type TwoPeople } from './two-people.ts'

let team: TwoPeople
let auditor: string
let otherTenant: string
let otherAdmin: string
const issuer = 'https://ci.example'
beforeAll(async () => {
  team = await startTwoPeople()
  const { api, who } = team
  auditor = (await api.call('POST', '/v1/operators', who.tenantAdmin, { name: 'reader', role: 'auditor' })).body.token
  ;({ otherAdmin, otherTenant } = who)
})
afterAll(() => team.api.close())

const tenantId = () => parseId('tenant', team.who.tenant)!
const call = (method: string, path: string, token: string | undefined, body?: unknown) => team.api.call(method, path, token, body)
/** As if the log had spoken of it. */
async function knownSubject(tenant = tenantId()): Promise<string> {
  const subject = `repo:acme/${randomUUID()}`
  await team.api.admin`insert into mayfly.subject_key (id, tenant_id, subject_hash, key_sealed, kek_id)
    values (${randomUUID()}, ${tenant}, decode(${hashList([issuer, subject])}, 'hex'), 'x', 'k')`
  return subject
}
const isKnown = async (subject: string): Promise<number> => {
  const [row] = await team.api.admin<[{ n: number }]>`
    select count(*)::int as n from mayfly.subject_key where subject_hash = decode(${hashList([issuer, subject])}, 'hex')`
  return row.n
}
const erase = (token: string, subject: string) => call('POST', '/v1/erasures', token, { issuer, subject })
const sweep = () => sweepErasures({ db: team.api.database.db, ledger: createMemoryStore(), graceSeconds: 0 }, Date.now())

describe('POST /v1/erasures', () => {
  test('forgets a subject of the caller’s tenant and of no other', async () => {
    const subject = await knownSubject()
    expect(errorOf(await erase(otherAdmin, subject))).toBe('not_found')
    expect((await erase(team.who.platformAdmin, subject)).status).toBe(400)
    expect(await isKnown(subject)).toBe(1)
    const done = await erase(team.who.tenantAdmin, subject)
    expect([done.status, done.headers['location'], await isKnown(subject)]).toEqual([201, `/v1/erasures/${done.body.id}`, 0])
    expect((await call('GET', `/v1/erasures/${done.body.id}`, auditor)).body).toMatchObject({ status: 'erasing', keys: 1 })
    expect((await call('GET', `/v1/erasures/${done.body.id}`, otherAdmin)).status).toBe(404)
    expect((await call('GET', '/v1/erasures', otherAdmin)).body.items).toEqual([])
    expect((await team.events()).findLast(({ type }) => type === 'subject.erased')).toMatchObject({
      erasure: done.body.id,
      keys: 1,
    })
  })

  test('says of whom nothing is known that nothing is known', async () => {
    expect(errorOf(await erase(team.who.tenantAdmin, 'repo:acme/nobody'))).toBe('not_found')
  })

  test.each([
    ['nobody', {}],
    ['half a subject', { issuer }],
    ['two at once', { person: `psn_${'0'.repeat(32)}`, issuer, subject: 'x' }],
    ['no names', { names: [] }],
  ])('refuses %s', async (_, body) => {
    expect((await call('POST', '/v1/erasures', team.who.tenantAdmin, body)).status).toBe(400)
  })

  test('is for no auditor, no approver and no stranger', async () => {
    const subject = await knownSubject()
    for (const token of [auditor, team.cleo]) expect((await erase(token, subject)).status).toBe(403)
    expect((await call('POST', '/v1/erasures', undefined, { issuer, subject })).status).toBe(401)
    expect(await isKnown(subject)).toBe(1)
  })

  test('takes names alone out of what waits and what is kept', async () => {
    await team.demand('ceilings')
    const change = await team.propose(team.ann, { ...resource(), name: 'api of Former Name of Kim' })
    await team.demand()
    const done = await call('POST', '/v1/erasures', team.who.tenantAdmin, { names: ['Former Name of Kim'] })
    expect(done.status, done.text).toBe(201)
    const [row] = await team.api
      .admin`select body, before, after, status from mayfly.change where id = ${parseId('change', change)!}`
    expect(row).toEqual({ body: null, before: null, after: null, status: 'withdrawn' })
  })
})

describe('POST /v1/erasures/preview', () => {
  const preview = (token: string, subject: string) => call('POST', '/v1/erasures/preview', token, { issuer, subject })
  const readings = async () => (await team.events()).filter(({ operation }) => operation === 'POST /v1/erasures/preview')

  test('is an entry of the log, which does not say who was looked for', async () => {
    const subject = await knownSubject()
    const before = (await readings()).length
    for (let n = 0; n < 3; n++) expect((await preview(team.ann, subject)).body).toMatchObject({ keys: 1 })
    const [said, ...rest] = (await readings()).slice(before)
    expect(rest).toEqual([])
    expect(said).toMatchObject({ type: 'audit.read', actor_role: 'tenant-admin', filters: { by: 'subject' }, entries: 1 })
    expect(JSON.stringify(said)).not.toContain(subject)
  })

  test('tells another tenant no more of a subject than of nobody, and nothing to who may not erase', async () => {
    const subject = await knownSubject()
    const [known, nobody] = [await preview(otherAdmin, subject), await preview(otherAdmin, 'repo:acme/nobody')]
    expect([known.status, errorOf(known), known.body.hint]).toEqual([404, 'not_found', nobody.body.hint])
    for (const token of [auditor, team.cleo]) expect((await preview(token, subject)).status).toBe(403)
    expect((await preview(team.who.platformAdmin, subject)).status).toBe(400)
  })
})

describe('a person of the deployment', () => {
  test('is erased by the deployment alone, with its keys in every tenant that it acted in', async () => {
    const { api, who } = team
    const login = api.people.provider({
      name: 'deployment',
      rules: [{ group: 'root', role: 'platform-admin' }],
      client_id: 'deployment',
    })
    const provider = await call('POST', '/v1/sign-in-providers', who.platformAdmin, login)
    expect(provider.status, provider.text).toBe(201)
    const body = api.people.signIn(provider.body.id, 'kim-of-the-deployment', ['root'], { aud: 'deployment' })
    const session = await call('POST', '/v1/sessions', undefined, body)
    expect(session.status, session.text).toBe(201)
    const subject = hashList([api.people.issuer, 'kim-of-the-deployment'])
    for (const tenant of [tenantId(), parseId('tenant', otherTenant)!])
      await api.admin`insert into mayfly.subject_key (id, tenant_id, subject_hash, key_sealed, kek_id)
        values (${randomUUID()}, ${tenant}, decode(${subject}, 'hex'), 'x', 'k')`
    const people = (await call('GET', '/v1/people', who.platformAdmin)).body.items
    const person = people.find((one: { subject: string }) => one.subject === 'kim-of-the-deployment').id
    expect((await call('POST', '/v1/erasures', who.tenantAdmin, { person })).status).toBe(404)
    const done = await call('POST', '/v1/erasures', who.platformAdmin, { person })
    expect([done.status, done.body], done.text).toMatchObject([201, { keys: 2, people: [person] }])
    expect((await call('GET', '/v1/whoami', session.body.token)).status).toBe(401)
    expect(JSON.stringify((await call('GET', '/v1/people', who.platformAdmin)).body)).not.toContain('kim-of')
    const [row] =
      await api.admin`select count(*)::int as n from mayfly.subject_key where subject_hash = decode(${subject}, 'hex')`
    expect(row!['n']).toBe(0)
  })
})

describe('where the tenant wants two people for what the log forgets', () => {
  test('erasing waits, is done by the second, and who was to be erased stays in no proposal', async () => {
    await team.demand('audit')
    const [first, second] = [await knownSubject(), await knownSubject()]
    const proposed = await erase(team.ann, first)
    expect(proposed.status, proposed.text).toBe(202)
    expect(await isKnown(first)).toBe(1)
    expect((await team.look(proposed.body.change)).text).toContain(first)
    expect((await team.approve(proposed.body.change, team.ann)).status).toBe(403)
    expect((await team.approve(proposed.body.change, team.ben)).status).toBe(200)
    expect(await isKnown(first)).toBe(0)
    const other = await erase(team.ann, second)
    expect((await team.reject(other.body.change, team.ben)).status).toBe(200)
    expect(await isKnown(second)).toBe(1)
    await sweep()
    const rows = await team.api.admin<{ text: string }[]>`select t::text as text from mayfly.change t`
    for (const { text } of rows) for (const subject of [first, second]) expect(text).not.toContain(subject)
    await team.demand()
  })

  test('so do lifting a hold and another time; placing a hold does not', async () => {
    await team.demand('audit')
    const placed = await call('POST', '/v1/legal-holds', team.ann, { matter: 'case 7' })
    expect(placed.status).toBe(201)
    expect((await call('POST', `/v1/legal-holds/${placed.body.id}/lift`, team.ann)).status).toBe(202)
    expect((await call('PUT', `/v1/tenants/${team.who.tenant}/retention`, team.ann, { short: 1 })).status).toBe(202)
    await team.demand()
    expect((await call('POST', `/v1/legal-holds/${placed.body.id}/lift`, team.ann)).status).toBe(200)
  })
})

describe('legal holds', () => {
  test('of the whole tenant let nothing of it be erased', async () => {
    const subject = await knownSubject()
    const hold = await call('POST', '/v1/legal-holds', team.who.tenantAdmin, { matter: 'case 8' })
    expect(errorOf(await erase(team.who.tenantAdmin, subject))).toBe('conflict')
    const elsewhere = await knownSubject(parseId('tenant', otherTenant)!)
    expect((await erase(otherAdmin, elsewhere)).status).toBe(201)
    expect((await call('POST', `/v1/legal-holds/${hold.body.id}/lift`, otherAdmin)).status).toBe(404)
    expect((await call('POST', `/v1/legal-holds/${hold.body.id}/lift`, team.who.tenantAdmin)).body).toMatchObject({
      covers: 'tenant',
      lifted_at: expect.any(String),
    })
    expect(errorOf(await call('POST', `/v1/legal-holds/${hold.body.id}/lift`, team.who.tenantAdmin))).toBe('conflict')
    expect((await erase(team.who.tenantAdmin, subject)).status).toBe(201)
  })

  test('of a person let nobody take its name out of what waits and is kept, whoever else is named with it', async () => {
    const { api, who } = team
    const [person] = await api.admin<{ id: string }[]>`
      insert into mayfly.person (id, tenant_id, issuer, subject, name, email)
        values (${randomUUID()}, ${tenantId()}, ${issuer}, 'held', 'Held Person', 'held@acme.example') returning id`
    const held = `psn_${person!.id.replaceAll('-', '')}`
    const hold = await call('POST', '/v1/legal-holds', who.tenantAdmin, { matter: 'case 10', person: held })
    expect(hold.status, hold.text).toBe(201)
    const named = { names: ['held@acme.example'] }
    expect(errorOf(await call('POST', '/v1/erasures', who.tenantAdmin, named))).toBe('conflict')
    const subject = await knownSubject()
    expect(errorOf(await call('POST', '/v1/erasures', who.tenantAdmin, { issuer, subject, ...named }))).toBe('conflict')
    expect(await isKnown(subject)).toBe(1)
    await call('POST', `/v1/legal-holds/${hold.body.id}/lift`, who.tenantAdmin)
    expect((await call('POST', '/v1/erasures', who.tenantAdmin, named)).status).toBe(201)
  })

  test('of an agent hold every foreign subject of the tenant, since which came by is not known', async () => {
    const subject = await knownSubject()
    const agent = `agt_${randomUUID().replaceAll('-', '')}`
    const hold = await call('POST', '/v1/legal-holds', team.who.tenantAdmin, { matter: 'case 9', agent })
    expect(hold.body).toMatchObject({ covers: 'agent', target: agent })
    expect(errorOf(await erase(team.who.tenantAdmin, subject))).toBe('conflict')
    await call('POST', `/v1/legal-holds/${hold.body.id}/lift`, team.who.tenantAdmin)
  })

  test('are placed on people and accounts that there are, on one thing at a time, by no auditor', async () => {
    const unknown = randomUUID().replaceAll('-', '')
    for (const target of [{ person: `psn_${unknown}` }, { account: `acct_${unknown}` }])
      expect((await call('POST', '/v1/legal-holds', team.who.tenantAdmin, { matter: 'x', ...target })).status).toBe(404)
    const two = { matter: 'x', person: `psn_${unknown}`, agent: `agt_${unknown}` }
    expect((await call('POST', '/v1/legal-holds', team.who.tenantAdmin, two)).status).toBe(400)
    expect((await call('POST', '/v1/legal-holds', auditor, { matter: 'x' })).status).toBe(403)
    expect((await call('GET', '/v1/legal-holds', auditor)).status).toBe(200)
  })
})

describe('/v1/tenants/{id}/retention', () => {
  const path = () => `/v1/tenants/${team.who.tenant}/retention`
  test('shows what holds, and what the tenant has said', async () => {
    expect((await call('GET', path(), auditor)).body).toEqual({ months: { security: 120, standard: 84, short: 13 }, own: {} })
    const set = await call('PUT', path(), team.who.tenantAdmin, { standard: 24 })
    expect([set.status, set.body]).toEqual([200, { months: { security: 120, standard: 24, short: 13 }, own: { standard: 24 } }])
    expect((await team.events()).at(-1)).toMatchObject({ type: 'retention.changed', standard: 24 })
  })

  test('takes no time below the least, nothing from auditors, and shows other tenants nothing', async () => {
    for (const body of [{ security: 11 }, { standard: 2 }, { short: 0 }, { short: 1_201 }])
      expect((await call('PUT', path(), team.who.tenantAdmin, body)).status).toBe(400)
    expect((await call('PUT', path(), auditor, {})).status).toBe(403)
    expect((await call('GET', path(), otherAdmin)).status).toBe(404)
    expect((await call('PUT', path(), otherAdmin, {})).status).toBe(404)
  })
})

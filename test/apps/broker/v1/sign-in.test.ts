import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newSecret } from '#core/ids/secret.ts'
import { deleteExpired } from '#db/housekeeping/delete-expired.ts'
import { bootstrap, type Management, type Operators, startManagement } from './management.ts'

let api: Management
let who: Operators
let provider: string
beforeAll(async () => {
  api = await startManagement()
  who = await bootstrap(api)
  provider = (await api.call('POST', '/v1/sign-in-providers', who.tenantAdmin, api.people.provider())).body.id
})
afterAll(() => api.close())

const admins = ['mayfly-admins']
const enter = (subject: string, groups: readonly string[] = admins, changes = {}, at = provider) =>
  api.call('POST', '/v1/sessions', undefined, api.people.signIn(at, subject, groups, changes))
const pointers = (answer: { body: { errors: { pointer: string }[] } }) => answer.body.errors.map(error => error.pointer)
const events = async (type: string) => {
  const rows = await api.admin<{ body: string }[]>`
    select b.body from log.entry e join log.body b using (position) where e.leaf::jsonb ->> 'type' = ${type} order by e.position`
  return rows.map(row => JSON.parse(row.body))
}

describe('sign-in providers', () => {
  const post = (change: object, token = who.tenantAdmin) =>
    api.call('POST', '/v1/sign-in-providers', token, { ...api.people.provider({ name: 'another' }), ...change })

  test('are created, shown, listed, replaced and deleted, each change with one audit event', async () => {
    const made = await post({ name: 'for a while', scopes: ['openid', 'groups'], session_ttl_seconds: 600 })
    expect([made.status, made.headers['location']]).toEqual([201, `/v1/sign-in-providers/${made.body.id}`])
    const path = `/v1/sign-in-providers/${made.body.id}`
    expect((await api.call('GET', path, who.auditor)).body).toEqual(made.body)
    expect((await api.call('GET', '/v1/sign-in-providers', who.auditor)).body.items).toContainEqual(made.body)
    const body = api.people.provider({ name: 'renamed' })
    expect((await api.call('PUT', path, who.tenantAdmin, body)).body).toMatchObject({ ...body, session_ttl_seconds: 28_800 })
    expect((await api.call('DELETE', path, who.tenantAdmin)).status).toBe(204)
    expect((await api.call('GET', path, who.tenantAdmin)).status).toBe(404)
    const made4 = [await events('sign_in_provider.created'), await events('sign_in_provider.changed')]
    expect(made4.map(list => list.at(-1).provider)).toEqual([made.body.id, made.body.id])
    expect(await events('sign_in_provider.deleted')).toHaveLength(1)
  })

  test.each([
    ['/issuer', { issuer: 'http://login.example' }],
    ['/issuer', { issuer: 'https://broker.example' }],
    ['/scopes', { scopes: ['groups'] }],
    ['/rules', { rules: [] }],
    ['/rules/0/role', { rules: [{ group: 'a', role: 'platform-admin' }] }],
    ['/rules/0/role', { rules: [{ group: 'a', role: 'resource' }] }],
    [
      '/rules/1/group',
      {
        rules: [
          { group: 'a', role: 'auditor' },
          { group: 'a', role: 'approver' },
        ],
      },
    ],
    ['/ca_pem', { ca_pem: 'no certificate' }],
    ['/groups_claim', { groups_claim: 'a b' }],
    ['/session_ttl_seconds', { session_ttl_seconds: 86_401 }],
    ['/client_secret', { client_secret: 'none is needed' }],
  ])('are refused at %s', async (pointer, change) => {
    const answer = await post(change)
    expect([answer.status, pointers(answer)]).toEqual([400, [pointer]])
  })

  test('of the deployment give platform-admin only, and are seen by platform-admins only', async () => {
    const refused = await post({}, who.platformAdmin)
    expect(pointers(refused)).toEqual(['/rules/0/role', '/rules/1/role', '/rules/2/role'])
    const made = await post({ rules: [{ group: 'ops', role: 'platform-admin' }] }, who.platformAdmin)
    expect(made.status).toBe(201)
    for (const token of [who.tenantAdmin, who.auditor, who.otherAdmin]) {
      expect((await api.call('GET', `/v1/sign-in-providers/${made.body.id}`, token)).status).toBe(404)
      const list = await api.call('GET', '/v1/sign-in-providers', token)
      expect(list.body.items.map((item: { id: string }) => item.id)).not.toContain(made.body.id)
    }
    expect((await api.call('DELETE', `/v1/sign-in-providers/${made.body.id}`, who.tenantAdmin)).status).toBe(404)
    const session = await enter('root', ['ops'], {}, made.body.id)
    expect(session.body.operator).toMatchObject({ role: 'platform-admin', tenant: null, subject: 'root' })
    expect((await api.call('GET', '/v1/tenants', session.body.token)).body.items).toHaveLength(2)
    expect((await api.call('GET', '/v1/agents', session.body.token)).status).toBe(403)
    expect((await api.call('DELETE', `/v1/sign-in-providers/${made.body.id}`, who.platformAdmin)).status).toBe(204)
    expect((await api.call('GET', '/v1/whoami', session.body.token)).status).toBe(401)
  })

  test('another tenant’s are neither seen nor changed', async () => {
    const path = `/v1/sign-in-providers/${provider}`
    expect((await api.call('GET', path, who.otherAdmin)).status).toBe(404)
    expect((await api.call('PUT', path, who.otherAdmin, api.people.provider())).status).toBe(404)
    expect((await api.call('DELETE', path, who.otherAdmin)).status).toBe(404)
    expect((await api.call('POST', '/v1/sign-in-providers', who.auditor, api.people.provider())).status).toBe(403)
    expect((await post({ name: 'login' })).status).toBe(409)
  })
})

describe('GET /v1/sign-in', () => {
  test('says to anyone where to sign in, with nothing that decides', async () => {
    const { status, body } = await api.call('GET', '/v1/sign-in')
    expect(status).toBe(200)
    expect(body.providers).toEqual([
      {
        id: provider,
        name: 'login',
        tenant: 'acme',
        issuer: api.people.issuer,
        client_id: 'mayfly-cli',
        scopes: ['openid', 'profile', 'email'],
      },
    ])
    expect((await api.call('GET', '/v1/sign-in?tenant=acme')).body).toEqual(body)
    expect((await api.call('GET', '/v1/sign-in?tenant=other')).body).toEqual({ providers: [] })
    expect((await api.call('GET', '/v1/sign-in?tenant=nobody')).status).toBe(404)
    expect((await api.call('GET', '/v1/sign-in?tenant=Not+A+Slug')).status).toBe(400)
  })

  test('lists the deployment’s own behind the first tenant’s, and beside no other tenant’s', async () => {
    const rules = [{ group: 'ops', role: 'platform-admin' }]
    const made = await api.call('POST', '/v1/sign-in-providers', who.platformAdmin, api.people.provider({ name: 'ops', rules }))
    const tenants = async (query: string) =>
      (await api.call('GET', `/v1/sign-in${query}`)).body.providers.map((each: { tenant: string | null }) => each.tenant)
    expect(await tenants('')).toEqual(['acme', null])
    expect(await tenants('?tenant=acme')).toEqual(['acme'])
    expect(await tenants('?tenant=other')).toEqual([])
    await api.call('DELETE', `/v1/sign-in-providers/${made.body.id}`, who.platformAdmin)
  })
})

describe('sessions', () => {
  test('open with an ID token, know who it is, end when they are told to', async () => {
    const opened = await enter('ann')
    expect([opened.status, opened.headers['cache-control']]).toEqual([201, 'no-store'])
    expect(opened.body.token).toMatch(/^mfs_/)
    const operator = { issuer: api.people.issuer, subject: 'ann', name: 'The ann', role: 'tenant-admin', tenant: who.tenant }
    expect(opened.body.operator).toEqual(operator)
    const hours = (Date.parse(opened.body.expires_at) - Date.now()) / 3_600_000
    expect(hours).toBeGreaterThan(7.9)
    expect(hours).toBeLessThanOrEqual(8)
    const me = await api.call('GET', '/v1/whoami', opened.body.token)
    const { name: _name, ...person } = operator
    expect(me.body).toMatchObject({ ...person, kind: 'session', name: 'The ann', tenant_slug: 'acme', id: opened.body.id })
    expect((await api.call('GET', '/v1/agents', opened.body.token)).status).toBe(200)
    expect((await api.call('DELETE', '/v1/sessions/current', opened.body.token)).status).toBe(204)
    expect((await api.call('GET', '/v1/whoami', opened.body.token)).status).toBe(401)
  })

  test('give the role of the first rule that matches, and what that role may', async () => {
    const auditor = await enter('aud', ['mayfly-auditors', 'staff'])
    expect(auditor.body.operator.role).toBe('auditor')
    expect((await api.call('POST', '/v1/operators', auditor.body.token, { name: 'x', role: 'auditor' })).status).toBe(403)
    const both = await enter('both', ['mayfly-auditors', 'mayfly-admins'])
    expect(both.body.operator.role).toBe('tenant-admin')
  })

  test.each([[[]], [['staff']], [['Mayfly-Admins']], [undefined]])('are refused to people whose groups are %j', async groups => {
    const body = api.people.signIn(provider, 'stranger', [], { groups })
    const answer = await api.call('POST', '/v1/sessions', undefined, body)
    expect([answer.status, answer.body.type]).toEqual([403, 'urn:mayfly:error:no_role'])
    expect(answer.body.detail).toBe('The groups claim that was looked at is groups.')
    expect(answer.text).not.toContain('staff')
    const before = (await events('session.refused')).length
    // One ID token, one answer: repeating it writes nothing more.
    expect((await api.call('POST', '/v1/sessions', undefined, body)).body.type).toBe('urn:mayfly:error:sign_in_refused')
    expect((await events('session.refused')).length).toBe(before)
  })

  test('know a person by issuer and subject, whatever the address says', async () => {
    const mail = { email: 'boss@example.com', name: 'The Boss' }
    const [first, second] = [await enter('one', admins, mail), await enter('two', admins, mail)]
    const ids = await Promise.all(
      [first, second].map(async session => (await api.call('GET', '/v1/whoami', session.body.token)).body.person),
    )
    expect(new Set(ids).size).toBe(2)
    const again = await enter('one', admins, { email: 'new@example.com', name: 'Renamed' })
    expect((await api.call('GET', '/v1/whoami', again.body.token)).body).toMatchObject({ person: ids[0], name: 'Renamed' })
    const people = await api.call('GET', '/v1/people?limit=200', who.auditor)
    expect(people.body.items.find((item: { id: string }) => item.id === ids[0])).toMatchObject({
      name: 'Renamed',
      subject: 'one',
    })
  })

  test('end at their end by the database’s clock', async () => {
    const opened = await enter('late')
    await api.admin`update mayfly.credential set expires_at = clock_timestamp() where kind = 'session' and name = 'The late'`
    expect((await api.call('GET', '/v1/whoami', opened.body.token)).status).toBe(401)
  })

  test('end when their provider is changed, and with it', async () => {
    const made = await api.call('POST', '/v1/sign-in-providers', who.tenantAdmin, api.people.provider({ name: 'changing' }))
    const path = `/v1/sign-in-providers/${made.body.id}`
    const first = await enter('carl', admins, {}, made.body.id)
    const elsewhere = await enter('carl')
    const rules = [{ group: 'mayfly-admins', role: 'auditor' }]
    expect((await api.call('PUT', path, who.tenantAdmin, api.people.provider({ name: 'changing', rules }))).status).toBe(200)
    expect((await api.call('GET', '/v1/whoami', first.body.token)).status).toBe(401)
    const second = await enter('carl', admins, {}, made.body.id)
    expect(second.body.operator.role).toBe('auditor')
    expect((await api.call('DELETE', path, who.tenantAdmin)).status).toBe(204)
    expect((await api.call('GET', '/v1/whoami', second.body.token)).status).toBe(401)
    expect((await api.call('GET', '/v1/whoami', elsewhere.body.token)).status).toBe(200)
  })

  test('of concurrent sign-ins with one ID token exactly one is opened', async () => {
    const body = api.people.signIn(provider, 'racer', admins)
    const answers = await Promise.all(Array.from({ length: 6 }, () => api.call('POST', '/v1/sessions', undefined, body)))
    expect(answers.map(answer => answer.status).sort()).toEqual([201, 401, 401, 401, 401, 401])
  })

  test('a malformed body is 400 and says where', async () => {
    const answer = await api.call('POST', '/v1/sessions', undefined, { provider: 'x', id_token: '', more: 1 })
    expect(answer.status).toBe(400)
    expect(pointers(answer).sort()).toEqual(['/id_token', '/more', '/provider'])
    expect((await api.call('POST', '/v1/sessions', undefined, { id_token: 'x'.repeat(40_000) })).status).toBe(413)
  })

  test('a token is no session, and strangers have none', async () => {
    expect((await api.call('DELETE', '/v1/sessions/current', who.auditor)).status).toBe(409)
    expect((await api.call('DELETE', '/v1/sessions/current', newSecret('session'))).status).toBe(401)
    const me = await api.call('GET', '/v1/whoami', who.auditor)
    expect(me.body).toMatchObject({ kind: 'token', role: 'auditor', name: 'auditor', tenant: who.tenant })
    expect(me.body).not.toHaveProperty('subject')
  })

  test('used ID tokens are remembered until nobody could present them any more', async () => {
    await enter('kept')
    const count = async () =>
      (await api.admin<{ n: number }[]>`select count(*)::int as n from mayfly.replay where kind = 'id_token'`)[0]!.n
    const before = await count()
    await deleteExpired(api.database.sql)
    expect(await count()).toBe(before)
    await api.admin`update mayfly.replay set expires_at = clock_timestamp() - interval '2 minutes'`
    await deleteExpired(api.database.sql)
    expect(await count()).toBe(0)
  })
})

describe('tokens of people', () => {
  test('name who answers for them, also when a token made them, and when they were used', async () => {
    const ann = (await enter('ann')).body
    const first = await api.call('POST', '/v1/operators', ann.token, { name: 'ci', role: 'tenant-admin' })
    expect(first.body.owner).toMatchObject({ issuer: api.people.issuer, subject: 'ann', name: 'The ann' })
    expect(first.body).toMatchObject({ made_by: ann.id })
    const second = await api.call('POST', '/v1/operators', first.body.token, { name: 'ci-2', role: 'auditor' })
    expect(second.body).toMatchObject({ made_by: first.body.id, owner: { subject: 'ann' } })
    await api.call('GET', '/v1/agents', second.body.token)
    const listed = async () =>
      (await api.call('GET', '/v1/operators?limit=200', who.auditor)).body.items.find(
        (item: { name: string }) => item.name === 'ci-2',
      )
    await expect.poll(async () => (await listed()).last_used_at).toMatch(/:00:00\.000Z$/)
    const unowned = await api.call('POST', '/v1/operators', who.tenantAdmin, { name: 'unowned', role: 'auditor' })
    expect(unowned.body).not.toHaveProperty('owner')
    expect(unowned.body).not.toHaveProperty('last_used_at')
  })

  test('end with their sessions when the person is signed out', async () => {
    const [dan, eve] = [(await enter('dan')).body, (await enter('eve')).body]
    const token = await api.call('POST', '/v1/operators', dan.token, { name: "dan's", role: 'auditor' })
    const { person } = (await api.call('GET', '/v1/whoami', dan.token)).body
    const path = `/v1/people/${person}/sign-out`
    expect((await api.call('POST', path, who.otherAdmin)).status).toBe(404)
    expect((await api.call('POST', path, who.auditor)).status).toBe(403)
    expect((await api.call('POST', path, undefined)).status).toBe(401)
    expect((await api.call('POST', '/v1/people/nobody/sign-out', eve.token)).status).toBe(400)
    expect((await api.call('POST', path, eve.token)).body).toEqual({ ended: 2 })
    for (const secret of [dan.token, token.body.token]) expect((await api.call('GET', '/v1/whoami', secret)).status).toBe(401)
    expect((await events('person.signed_out')).at(-1)).toMatchObject({ person, ended: 2 })
  })

  test('the log knows people by random ids only', async () => {
    await enter('visible-subject', admins, { name: 'Visible Name', email: 'visible@example.com' })
    const rows = await api.admin<
      { leaf: string; body: string }[]
    >`select leaf, body from log.entry join log.body using (position)`
    expect(JSON.stringify(rows)).not.toMatch(/visible/i)
    expect((await events('session.opened')).at(-1).actor_person).toMatch(/^psn_/)
  })
})

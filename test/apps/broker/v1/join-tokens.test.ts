import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isSecret } from '#core/ids/secret.ts'
import { deleteExpired } from '#db/housekeeping/delete-expired.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { bootstrap, type Management, type Operators, startManagement } from './management.ts'
import { startTwoPeople } from './two-people.ts'

let api: Management
let who: Operators
let agent: string
const path = (id = agent): string => `/v1/agents/${id}/join-tokens`
const create = (body: unknown = {}, token = who.tenantAdmin) => api.call('POST', path(), token, body)
const list = async () => (await api.call('GET', path(), who.auditor)).body.items

async function register(name: string, token: string): Promise<string> {
  const ceiling = { scope: 'orders:read' }
  const { body } = await api.call('POST', '/v1/agents', token, {
    name,
    owner: 'team',
    review_on: '2099-01-01',
    rules: [],
    ceiling,
  })
  return body.id
}

beforeAll(async () => {
  api = await startManagement()
  who = await bootstrap(api)
  agent = await register('worker', who.tenantAdmin)
})
afterAll(() => api.close())

test('an agent without any rule is one that enrols', () => expect(agent).toMatch(/^agt_/))

describe('a join token', () => {
  test('is shown once, stored as a hash, lives an hour unless it is said otherwise, and its making is an event', async () => {
    const { status, headers, body } = await create({ note: 'build server 7' })
    expect([status, headers['cache-control']]).toEqual([201, 'no-store'])
    expect(isSecret('join', body.token)).toBe(true)
    expect(Date.parse(body.expires_at) - Date.parse(body.created_at)).toBeGreaterThan(3_590_000)
    const { token, ...shown } = body
    expect((await list()).at(-1)).toEqual(shown)
    expect(shown).toMatchObject({ agent, note: 'build server 7' })
    const rows = await api.admin`select * from mayfly.join_token`
    expect(JSON.stringify(rows)).not.toContain(token)
    const event = (await readLog(api.admin)).at(-1)!
    expect(event.leaf.type).toBe('join_token.created')
    expect(event.body).toMatchObject({ join_token: body.id, ttl_seconds: 3600, actor_role: 'tenant-admin' })
    expect(JSON.stringify([event, api.logLines])).not.toContain(token)
  })

  test('lives as long as it is said, a week at most', async () => {
    const { body } = await create({ expires_in_seconds: 900 })
    expect(Math.round((Date.parse(body.expires_at) - Date.parse(body.created_at)) / 1000)).toBeCloseTo(900, -1)
    for (const wrong of [
      { expires_in_seconds: 604_801 },
      { expires_in_seconds: 59 },
      { expires_in_seconds: '900' },
      { ttl: 900 },
      [],
    ])
      expect((await create(wrong)).status, JSON.stringify(wrong)).toBe(400)
  })

  test('is for the tenant’s admins; auditors may look, others see nothing', async () => {
    expect((await api.call('POST', path(), undefined, {})).status).toBe(401)
    expect((await create({}, who.auditor)).status).toBe(403)
    expect((await create({}, who.platformAdmin)).status).toBe(403)
    expect((await create({}, who.otherAdmin)).status).toBe(404)
    expect((await api.call('GET', path(), who.otherAdmin)).status).toBe(404)
    expect((await api.call('POST', path(`agt_${'0'.repeat(32)}`), who.tenantAdmin, {})).status).toBe(404)
  })

  test('ends with its deletion, once, by its own agent’s path and its own tenant', async () => {
    const { body } = await create()
    const other = await register('another', who.tenantAdmin)
    const end = (id: string, token: string, of = agent) => api.call('DELETE', `${path(of)}/${id}`, token)
    expect((await end(body.id, who.otherAdmin)).status).toBe(404)
    expect((await end(body.id, who.tenantAdmin, other)).status).toBe(404)
    expect((await end(body.id, who.auditor)).status).toBe(403)
    expect((await end(body.id, who.tenantAdmin)).status).toBe(204)
    expect((await end(body.id, who.tenantAdmin)).status).toBe(404)
    const deleted = (await readLog(api.admin)).filter(({ leaf }) => leaf.type === 'join_token.deleted')
    expect(deleted.map(({ body }) => body.used)).toEqual([false])
  })

  test('ends with its agent', async () => {
    const gone = await register('short-lived', who.tenantAdmin)
    await api.call('POST', path(gone), who.tenantAdmin, {})
    expect((await api.call('DELETE', `/v1/agents/${gone}`, who.tenantAdmin)).status).toBe(204)
    expect(
      await api.admin`select 1 from mayfly.join_token j left join mayfly.agent a on a.id = j.agent_id where a.id is null`,
    ).toEqual([])
  })

  test('is not made twice for one Idempotency-Key, and not shown again', async () => {
    const headers = { 'idempotency-key': '"once-0001"' }
    const [first, second] = [
      await api.call('POST', path(), who.tenantAdmin, {}, headers),
      await api.call('POST', path(), who.tenantAdmin, {}, headers),
    ]
    expect([first.status, second.status]).toEqual([201, 409])
  })

  test('is collected a month after its end', async () => {
    const { body } = await create({ note: 'old' })
    await api.admin`update mayfly.join_token set expires_at = now() - interval '31 days' where note = 'old'`
    expect((await deleteExpired(api.database.sql)).joinTokens).toBe(1)
    expect((await list()).some(({ id }: { id: string }) => id === body.id)).toBe(false)
  })
})

describe('the built-in CA', () => {
  const sources = async (token = who.tenantAdmin) =>
    (await api.call('GET', '/v1/trust-sources', token)).body.items.filter(({ kind }: { kind: string }) => kind === 'builtin_ca')

  test('is made with a tenant’s first join token, once, however many come at once', async () => {
    const others = await register('many', who.otherAdmin)
    expect(await sources(who.otherAdmin)).toEqual([])
    const made = await Promise.all(Array.from({ length: 4 }, () => api.call('POST', path(others), who.otherAdmin, {})))
    expect(made.map(({ status }) => status)).toEqual([201, 201, 201, 201])
    expect(await sources(who.otherAdmin)).toMatchObject([{ name: 'built-in CA', trust_domain: 'other.broker.example' }])
    expect((await sources())[0].trust_domain).toBe('acme.broker.example')
  })

  test('is neither made, changed nor deleted by an operator, and no rule names it', async () => {
    const [{ id }] = await sources()
    const body = { kind: 'builtin_ca', name: 'mine' }
    expect((await api.call('POST', '/v1/trust-sources', who.tenantAdmin, body)).status).toBe(400)
    expect((await api.call('PUT', `/v1/trust-sources/${id}`, who.tenantAdmin, body)).status).toBe(400)
    const deleted = await api.call('DELETE', `/v1/trust-sources/${id}`, who.tenantAdmin)
    expect([deleted.status, deleted.body.detail]).toEqual([409, expect.stringContaining('/v1/keys/rotate')])
    const rules = [{ trust_source: id }]
    const agentBody = { name: 'x', owner: 'team', review_on: '2099-01-01', rules, ceiling: { scope: 'a' } }
    expect((await api.call('POST', '/v1/agents', who.tenantAdmin, agentBody)).status).toBe(400)
  })

  test('shows its key with the tenant’s others, and never the private part', async () => {
    const { body, text } = await api.call('GET', '/v1/keys', who.tenantAdmin)
    expect(body.items.filter(({ use }: { use: string }) => use === 'ca')).toMatchObject([{ alg: 'ES256', state: 'active' }])
    expect(text).not.toMatch(/PRIVATE|"d"/)
  })
})

test('where a tenant wants two people for trust, a join token waits for the second, who never sees it', async () => {
  const two = await startTwoPeople()
  try {
    const made = await two.api.call('POST', '/v1/agents', two.ann, {
      name: 'worker',
      owner: 'team',
      review_on: '2099-01-01',
      rules: [],
      ceiling: { scope: 'orders:read' },
    })
    const url = path(made.body.id)
    await two.demand('trust')
    const asked = await two.api.call('POST', url, two.ann, { note: 'laptop' })
    expect([asked.status, asked.body.status]).toEqual([202, 'waiting'])
    expect((await two.api.call('GET', url, two.ann)).body.items).toEqual([])
    const approved = await two.approve(asked.body.change, two.ben)
    expect([approved.status, approved.text.includes('mfj_')]).toEqual([200, false])
    const collected = await two.api.call('POST', `/v1/changes/${asked.body.change}/collect`, two.ann)
    expect(collected.text).toContain('mfj_')
    expect((await two.api.call('GET', url, two.ann)).body.items).toHaveLength(1)
  } finally {
    await two.api.close()
  }
})

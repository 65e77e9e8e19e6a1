import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prepareEvent } from '#core/audit/event.ts'
import { eventOnly } from '#core/audit/event-only.ts'
import { formatId, newUuid, parseId } from '#core/ids/id.ts'
import { limitNames, limitRows, standardLimits } from '#core/quota/limits.ts'
import { appendBatch } from '#db/log/append.ts'
import { foldUsage } from '#db/quota/fold-usage.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { sampleFacts } from '#test/setup/sample-events.ts'
import { bootstrap, type Management, type Operators, openIdSource, ordersApi, reporter, startManagement } from './management.ts'

let api: Management
let who: Operators
beforeAll(async () => {
  api = await startManagement()
  who = await bootstrap(api)
})
afterAll(() => api.close())

const path = () => `/v1/tenants/${who.tenant}/limits`
const put = (token: string, limits: unknown) => api.call('PUT', path(), token, { limits })

describe('limits of a tenant', () => {
  test('are the deployment’s until somebody says something', async () => {
    const { status, body } = await api.call('GET', path(), who.tenantAdmin)
    expect([status, body]).toEqual([200, { limits: standardLimits, granted: {}, own: {} }])
  })

  test('are granted by a platform-admin, in both directions, and lowered by the tenant', async () => {
    const granted = await put(who.platformAdmin, { tenant_live_accounts: 2_000_000, account_tokens: 50 })
    expect(granted.body.limits).toEqual({ ...standardLimits, tenant_live_accounts: 2_000_000, account_tokens: 50 })
    const own = await put(who.tenantAdmin, { tenant_live_accounts: 10, account_spend_units: 3 })
    expect(own.status, own.text).toBe(200)
    expect(own.body.limits).toEqual({ ...standardLimits, tenant_live_accounts: 10, account_tokens: 50, account_spend_units: 3 })
    const lower = await put(who.platformAdmin, { tenant_live_accounts: 5 })
    expect(lower.body.limits).toMatchObject({ tenant_live_accounts: 5, account_tokens: null, account_spend_units: 3 })
  })

  test('cannot be raised by the tenant above what it was granted, nor lifted', async () => {
    await put(who.platformAdmin, { tenant_live_accounts: 100 })
    for (const limit of [101, null]) {
      const { status, body } = await put(who.tenantAdmin, { tenant_live_accounts: limit })
      expect([status, body.errors[0].pointer]).toEqual([400, '/limits/tenant_live_accounts'])
    }
    expect((await put(who.tenantAdmin, { tenant_live_accounts: 100 })).status).toBe(200)
  })

  test('are nobody else’s to see or set', async () => {
    expect((await put(who.auditor, {})).status).toBe(403)
    expect((await put(who.otherAdmin, {})).status).toBe(404)
    expect((await api.call('GET', path(), who.otherAdmin)).status).toBe(404)
    expect((await api.call('GET', path())).status).toBe(401)
    expect((await api.call('GET', path(), who.auditor)).status).toBe(200)
    expect((await api.call('GET', `/v1/tenants/ten_${'0'.repeat(32)}/limits`, who.platformAdmin)).status).toBe(404)
  })

  test('are whole numbers of names that there are', async () => {
    for (const limits of [
      { tokens: 1 },
      { account_tokens: -1 },
      { account_tokens: 1.5 },
      { account_tokens: '5' },
      [],
      null,
      { account_tokens: 1e15 },
    ])
      expect((await put(who.platformAdmin, limits)).status, JSON.stringify(limits)).toBe(400)
  })

  test('are in the log with who set them', async () => {
    await put(who.platformAdmin, { account_tokens: 7 })
    const last = (await readLog(api.admin)).at(-1)!
    expect(last.leaf.type).toBe('limits.changed')
    expect(last.body).toMatchObject({ part: 'granted', limits: { account_tokens: 7 }, actor_role: 'platform-admin' })
  })

  test('that are an agent’s own stand in its registration, and only those that can be an agent’s', async () => {
    const source = await api.call('POST', '/v1/trust-sources', who.tenantAdmin, {
      ...openIdSource,
      audience: 'mayfly',
      jwks_uri: 'https://ci.example/jwks',
    })
    await api.call('POST', '/v1/resources', who.tenantAdmin, ordersApi)
    const agent = (limits: object) => ({ ...reporter(source.body.id), settings: { limits } })
    const wrong = await api.call('POST', '/v1/agents', who.tenantAdmin, agent({ tenant_live_accounts: 5 }))
    expect(wrong.status).toBe(400)
    const right = await api.call(
      'POST',
      '/v1/agents',
      who.tenantAdmin,
      agent({ agent_tokens_per_minute: 5, account_tokens: null }),
    )
    expect(right.status, right.text).toBe(201)
    expect(right.body.settings.limits).toEqual({ agent_tokens_per_minute: 5, account_tokens: null })
  })
})

test('docs/reference/limits.md publishes every limit with its default', () => {
  const page = readFileSync(new URL('../../../../docs/reference/limits.md', import.meta.url), 'utf8')
  for (const name of limitNames) {
    const { standard } = limitRows[name]
    const shown = standard === null ? 'none' : standard.toLocaleString('en-US')
    expect(page, name).toMatch(new RegExp(`^\\| \`${name}\` \\| ${shown} \\|`, 'm'))
  }
  expect(page.match(/^\| `[a-z_]+` \| /gm)?.length).toBe(limitNames.length)
})

describe('usage', () => {
  const [agentId, accountId] = [newUuid(Date.now()), newUuid(Date.now())]
  const day = new Date().toISOString().slice(0, 10)
  beforeAll(async () => {
    const tenantId = parseId('tenant', who.tenant)!
    const make = (type: 'account.opened' | 'token.issued') =>
      eventOnly(
        tenantId,
        prepareEvent(
          { type, tenantId, agentId, accountId, facts: { ...sampleFacts(type), ...(type === 'token.issued' && { units: 4 }) } },
          Date.now(),
        ),
      )
    await appendBatch(api.database.sql, [make('account.opened'), make('token.issued'), make('token.issued')])
    await foldUsage(api.database.sql)
  })
  const counts = { opened: 1, tokens: 2, denials: 0, calls_allowed: 0, calls_refused: 0, units: 8 }
  const [agent, account] = [formatId('agent', agentId), formatId('account', accountId)]

  test.each([
    ['day', () => ({ day })],
    ['agent', () => ({ agent })],
    ['account', () => ({ account, agent })],
    ['tenant', () => ({ tenant: who.tenant })],
  ] as const)('is summed by %s', async (by, key) => {
    const { status, body } = await api.call('GET', `/v1/usage?by=${by}&agent=${agent}`, who.auditor)
    expect([status, body.items]).toEqual([200, [{ ...key(), ...counts }]])
  })

  test('is CSV for who asks for it', async () => {
    const lines = `account,agent,opened,tokens,denials,calls_allowed,calls_refused,units\r\n${account},${agent},1,2,0,0,0,8\r\n`
    for (const [query, headers] of [
      ['&format=csv', {}],
      ['', { accept: 'text/csv' }],
    ] as const) {
      const answer = await api.call('GET', `/v1/usage?by=account&account=${account}${query}`, who.tenantAdmin, undefined, headers)
      expect(String(answer.headers['content-type'])).toContain('text/csv')
      expect(answer.text).toBe(lines)
    }
  })

  test('is of the days that are asked for', async () => {
    const of = async (query: string) => (await api.call('GET', `/v1/usage?agent=${agent}&${query}`, who.tenantAdmin)).body.items
    expect(await of(`from=${day}&to=${day}`)).toEqual([{ day, ...counts }])
    expect(await of('from=2020-01-01&to=2020-12-31')).toEqual([])
    for (const query of ['from=2020-02-31', 'from=2030-01-02&to=2030-01-01', 'from=today', 'by=week'])
      expect((await api.call('GET', `/v1/usage?${query}`, who.tenantAdmin)).status, query).toBe(400)
  })

  test('is paged by cursors that fit no other list', async () => {
    const page = await api.call('GET', '/v1/usage?by=account&limit=1', who.tenantAdmin)
    expect(page.body.items.length).toBe(1)
    const { next_cursor } = page.body
    if (next_cursor) {
      expect((await api.call('GET', `/v1/usage?by=account&limit=1&cursor=${next_cursor}`, who.tenantAdmin)).status).toBe(200)
      expect((await api.call('GET', `/v1/usage?by=agent&limit=1&cursor=${next_cursor}`, who.tenantAdmin)).status).toBe(400)
    }
    expect((await api.call('GET', '/v1/usage?by=account&cursor=AAAA', who.tenantAdmin)).status).toBe(400)
  })

  test('is the own tenant’s only; a platform-admin says which', async () => {
    expect((await api.call('GET', '/v1/usage', who.otherAdmin)).body.items).toEqual([])
    expect((await api.call('GET', `/v1/usage?tenant=${who.tenant}`, who.otherAdmin)).status).toBe(404)
    expect((await api.call('GET', '/v1/usage', who.platformAdmin)).status).toBe(400)
    expect((await api.call('GET', `/v1/usage?tenant=${who.tenant}&agent=${agent}`, who.platformAdmin)).body.items).toEqual([
      { day, ...counts },
    ])
    expect((await api.call('GET', '/v1/usage')).status).toBe(401)
    const all = await api.call('GET', '/v1/usage?by=tenant', who.platformAdmin)
    expect(all.body.items).toContainEqual(expect.objectContaining({ tenant: who.tenant, units: 8 }))
    const own = await api.call('GET', '/v1/usage?by=tenant', who.otherAdmin)
    expect(own.body.items).toEqual([])
  })
})

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { taskKey } from '#core/account/account.ts'
import { formatId, newId, parseId } from '#core/ids/id.ts'
import { openAccount, openAccounts, readAccountEvents } from '#test/setup/accounts.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { bootstrap, type Management, type Operators, openIdSource, ordersApi, reporter, startManagement } from './management.ts'

let api: Management
let who: Operators
let tenantId: string
let source: string
beforeAll(async () => {
  api = await startManagement()
  who = await bootstrap(api)
  tenantId = parseId('tenant', who.tenant)!
  await api.call('POST', '/v1/resources', who.tenantAdmin, ordersApi)
  source = (await api.call('POST', '/v1/trust-sources', who.tenantAdmin, openIdSource)).body.id
})
afterAll(() => api.close())

const revoke = (body: unknown, token = who.tenantAdmin, headers = {}) => api.call('POST', '/v1/revocations', token, body, headers)
const get = (id: string, token = who.tenantAdmin, query = '') => api.call('GET', `/v1/revocations/${id}${query}`, token)
const newAgent = async (): Promise<string> => {
  const body = { ...reporter(source), name: `agent ${randomUUID()}` }
  return (await api.call('POST', '/v1/agents', who.tenantAdmin, body)).body.id
}
const lastEvent = async () => {
  const { leaf, body } = (await readLog(api.admin)).at(-1)!
  return { ...leaf, ...body }
}
const configEpoch = async (): Promise<number> => {
  const [row] = await api.admin`select config_epoch::float8 as epoch from mayfly.tenant where id = ${tenantId}`
  return row!['epoch']
}
const statesOf = async (ids: readonly string[]): Promise<string[]> => {
  const rows = await api.admin<
    { state: string }[]
  >`select state::text from mayfly.account where id::text = any(${ids as string[]})`
  return rows.map(row => row.state)
}
/** Waits until the accounts behind a revocation have ended. */
async function untilSwept(id: string): Promise<{ ended: number; finished: boolean }> {
  for (const giveUpAt = Date.now() + 10_000; ; ) {
    const { accounts } = (await get(id)).body
    if (accounts.finished || Date.now() > giveUpAt) return accounts
    await new Promise(resolve => setImmediate(resolve))
  }
}

describe('a revocation', () => {
  test('of a token has one entry in the feed, one event in the log, and says where it stands', async () => {
    const tokenId = newId('token')
    const { status, body, headers } = await revoke({ token_id: tokenId, reason: 'It was printed.' })
    expect(status).toBe(201)
    expect(body).toMatchObject({ kind: 'token', subject: tokenId, cause: 'token', entries_total: 1 })
    expect(body.from_epoch).toBe(body.to_epoch)
    expect(headers['location']).toBe(`/v1/revocations/${body.id}`)
    const shown = (await get(body.id)).body
    expect(shown.entries).toMatchObject([{ kind: 'token', subject: tokenId, least: null, epoch: body.from_epoch }])
    expect(shown.receivers).toEqual({ acknowledged: [], waiting: [] })
    const event = await lastEvent()
    expect(event).toMatchObject({ type: 'token.revoked', token: tokenId, revocation: body.id, actor_role: 'tenant-admin' })
    // Why is somebody's own words.
    expect(event['private']).toBeTypeOf('string')
    expect(JSON.stringify(await readLog(api.admin))).not.toContain('It was printed.')
    expect(api.logLines.join('\n')).not.toContain('It was printed.')
  })

  test('of an account ends it under the same id; again, there is nothing to revoke', async () => {
    const account = await openAccount(api.database.sql, tenantId)
    const subject = formatId('account', account.id)
    const { status, body } = await revoke({ account_id: subject })
    expect(status).toBe(201)
    expect(body).toMatchObject({ kind: 'account', subject, cause: 'revoke', by: { by: 'operator', actor_role: 'tenant-admin' } })
    expect(await statesOf([account.id])).toEqual(['r'])
    const again = await revoke({ account_id: subject })
    expect([again.status, again.body.detail]).toEqual([409, expect.stringContaining('revoked already')])
  })

  test('of a task is that of its account', async () => {
    const agent = await newAgent()
    const account = await openAccount(api.database.sql, tenantId, { agent: parseId('agent', agent)! })
    await api.admin`update mayfly.account set task_key = ${taskKey(account.agent, account.task_id)} where id = ${account.id}`
    const { status, body } = await revoke({ task: { agent_id: agent, task_id: account.task_id } })
    expect([status, body.subject]).toEqual([201, formatId('account', account.id)])
    expect((await revoke({ task: { agent_id: agent, task_id: 'unknown' } })).status).toBe(404)
  })

  test('of an agent refuses every token of before, suspends it, and ends its accounts in the background', async () => {
    const agent = await newAgent()
    const accounts = await openAccounts(api.database.sql, tenantId, 3, { agent: parseId('agent', agent)! })
    const others = await openAccounts(api.database.sql, tenantId, 2)
    const { status, body } = await revoke({ agent_id: agent })
    expect(status).toBe(201)
    expect(body).toMatchObject({ kind: 'agent', subject: agent })
    const shown = (await get(body.id)).body
    expect(shown.entries[0]).toMatchObject({ kind: 'agent', subject: agent, least: await configEpoch() })
    expect(await untilSwept(body.id)).toEqual({ ended: 3, finished: true })
    expect(await statesOf(accounts.map(account => account.id))).toEqual(['r', 'r', 'r'])
    expect(await statesOf(others.map(account => account.id))).toEqual(['a', 'a'])
    const suspended = await api.call('POST', `/v1/agents/${agent}/suspend`, who.tenantAdmin)
    expect(suspended.body.suspended_at).not.toBeNull()
    // What accounts add belongs to it, and is not waited for.
    const after = (await get(body.id)).body
    expect(after).toMatchObject({ from_epoch: body.from_epoch, to_epoch: body.to_epoch, entries_total: 4 })
    const events = await readAccountEvents(api.admin)
    for (const { id } of accounts) expect(events.get(id)).toEqual(['account.opened', 'account.revoked'])
  })

  test('of an agent without suspending it lets accounts live that are opened afterwards', async () => {
    const agent = await newAgent()
    const before = await openAccount(api.database.sql, tenantId, { agent: parseId('agent', agent)! })
    const { body } = await revoke({ agent_id: agent, suspend: false })
    const after = await openAccount(api.database.sql, tenantId, { agent: parseId('agent', agent)! })
    await untilSwept(body.id)
    expect([await statesOf([before.id]), await statesOf([after.id])]).toEqual([['r'], ['a']])
    expect((await get(body.id)).body.entries[0].least).toBe(await configEpoch())
  })

  test('of a trust source is one of the agents that come by its word, and of no others', async () => {
    const other = (
      await api.call('POST', '/v1/trust-sources', who.tenantAdmin, {
        ...openIdSource,
        name: 'other',
        issuer: 'https://other.example',
      })
    ).body.id
    const named = { ...reporter(other), name: 'comes by the other' }
    const agent = (await api.call('POST', '/v1/agents', who.tenantAdmin, named)).body.id
    const { status, body } = await revoke({ trust_source_id: other })
    expect(status).toBe(201)
    expect(body).toMatchObject({ kind: 'trust_source', subject: other, cause: 'trust_source', entries_total: 1 })
    expect((await get(body.id)).body.entries).toMatchObject([{ kind: 'agent', subject: agent }])
    await api.call('DELETE', `/v1/agents/${agent}`, who.tenantAdmin)
    const nobody = await revoke({ trust_source_id: other })
    expect([nobody.status, nobody.body.from_epoch, nobody.body.entries_total]).toEqual([201, null, 0])
  })

  test('of the key that signs replaces it, and tells verifiers of all that are retired', async () => {
    const keys = (await api.call('GET', '/v1/keys', who.tenantAdmin)).body.items
    const { kid } = keys.find((key: { alg: string; state: string }) => key.alg === 'ES256' && key.state === 'active')
    const { status, body } = await revoke({ key_id: kid })
    expect([status, body.kind, body.subject]).toEqual([201, 'key', kid])
    const now = (await api.call('GET', '/v1/keys', who.tenantAdmin)).body.items
    expect(now.find((key: { kid: string }) => key.kid === kid).state).toBe('retired')
    expect(now.filter((key: { alg: string; state: string }) => key.alg === 'ES256' && key.state === 'active')).toHaveLength(1)
    // A thief's tokens end when the thief likes; a guard may go on with its key set for an hour.
    const [entry] = (await get(body.id)).body.entries
    expect(Date.parse(entry.until) - Date.parse(body.at)).toBeGreaterThan(3_600_000)
    // Verifiers that read the key set earlier must hear of it again.
    expect((await revoke({ key_id: kid })).status).toBe(201)
    expect((await revoke({ key_id: 'nobody' })).status).toBe(404)
  })

  test('of the key that signs, twice at once, leaves the one that replaced it', async () => {
    const all = async () => (await api.call('GET', '/v1/keys', who.tenantAdmin)).body.items
    const isActive = (key: { alg: string; state: string }) => key.alg === 'ES256' && key.state === 'active'
    const before = await all()
    const { kid } = before.find(isActive)
    const answers = await Promise.all([revoke({ key_id: kid }), revoke({ key_id: kid })])
    expect(answers.map(({ status }) => status)).toEqual([201, 201])
    const now = await all()
    expect(now).toHaveLength(before.length + 1)
    const entries = await Promise.all(answers.map(async ({ body }) => (await get(body.id)).body.entries))
    expect(entries.flat().map(({ subject }) => subject)).not.toContain(now.find(isActive).kid)
  })

  test('of a tenant is about its issuer, and ends all its accounts', async () => {
    const otherId = parseId('tenant', who.otherTenant)!
    const accounts = await openAccounts(api.database.sql, otherId, 2)
    const mine = await openAccount(api.database.sql, tenantId)
    const { status, body } = await revoke({ tenant: true, tenant_id: who.otherTenant }, who.platformAdmin)
    expect([status, body.kind, body.subject]).toEqual([201, 'tenant', 'https://broker.example/t/other'])
    for (const giveUpAt = Date.now() + 10_000; Date.now() < giveUpAt; ) {
      const { accounts: sweep } = (await get(body.id, who.otherAdmin)).body
      if (sweep.finished) break
    }
    expect(await statesOf(accounts.map(account => account.id))).toEqual(['r', 'r'])
    expect(await statesOf([mine.id])).toEqual(['a'])
  })

  test('is made once for an Idempotency-Key, and answered the same', async () => {
    const headers = { 'idempotency-key': '"once"' }
    const body = { token_id: newId('token') }
    const first = await revoke(body, who.tenantAdmin, headers)
    const second = await revoke(body, who.tenantAdmin, headers)
    expect([first.status, second.status]).toEqual([201, 201])
    expect(second.body).toEqual(first.body)
    expect((await revoke({ token_id: newId('token') }, who.tenantAdmin, headers)).status).toBe(422)
    const account = await openAccount(api.database.sql, tenantId)
    const other = { 'idempotency-key': '"account"' }
    const named = { account_id: formatId('account', account.id) }
    expect((await revoke(named, who.tenantAdmin, other)).body).toEqual((await revoke(named, who.tenantAdmin, other)).body)
  })

  test('names exactly one thing, of the caller’s own tenant', async () => {
    expect((await revoke({})).status).toBe(400)
    expect((await revoke({ token_id: newId('token'), tenant: true })).status).toBe(400)
    expect((await revoke({ token: 'no.token.ofours' })).status).toBe(400)
    expect((await revoke({ agent_id: newId('agent') })).status).toBe(404)
    expect((await revoke({ trust_source_id: newId('trustSource') })).status).toBe(404)
    const account = await openAccount(api.database.sql, tenantId)
    expect((await revoke({ account_id: formatId('account', account.id) }, who.otherAdmin)).status).toBe(404)
    expect((await revoke({ tenant: true, tenant_id: who.tenant }, who.otherAdmin)).status).toBe(403)
    expect((await revoke({ token_id: newId('token') }, who.platformAdmin)).status).toBe(400)
    const nowhere = { token_id: newId('token'), tenant_id: newId('tenant'), reason: 'none' }
    expect((await revoke(nowhere, who.platformAdmin)).status).toBe(404)
    expect((await api.call('GET', '/v1/revocations?subject=%00', who.tenantAdmin)).status).toBe(400)
    expect((await revoke({ token_id: newId('token') }, who.auditor)).status).toBe(403)
    expect(await statesOf([account.id])).toEqual(['a'])
  })
})

describe('the list of revocations', () => {
  test('goes page by page, newest first, each once however many entries it has; filters; shows nothing of other tenants', async () => {
    const all = (await api.call('GET', '/v1/revocations?limit=200', who.auditor)).body.items
    const epochs = all.map((item: { from_epoch: number }) => item.from_epoch)
    expect(epochs).toEqual([...epochs].sort((a, b) => b - a))
    expect(new Set(all.map((item: { id: string }) => item.id)).size).toBe(all.length)
    const first = (await api.call('GET', '/v1/revocations?limit=2', who.tenantAdmin)).body
    const second = (await api.call('GET', `/v1/revocations?limit=2&cursor=${first.next_cursor}`, who.tenantAdmin)).body
    expect([...first.items, ...second.items]).toEqual(all.slice(0, 4))
    const tokens = (await api.call('GET', '/v1/revocations?kind=token', who.tenantAdmin)).body.items
    expect(new Set(tokens.map((item: { kind: string }) => item.kind))).toEqual(new Set(['token']))
    const [one] = tokens
    const named = (await api.call('GET', `/v1/revocations?subject=${one.subject}`, who.tenantAdmin)).body.items
    expect(named).toEqual([one])
    expect((await api.call('GET', '/v1/revocations?subject=nobody', who.tenantAdmin)).body.items).toEqual([])
    const others = (await api.call('GET', '/v1/revocations', who.otherAdmin)).body.items
    expect(others.map((item: { kind: string }) => item.kind)).toEqual(['tenant'])
    expect((await get(all[0].id, who.otherAdmin)).status).toBe(404)
  })
})

describe('an agent that is deleted', () => {
  test('leaves no token behind', async () => {
    const agent = await newAgent()
    expect((await api.call('DELETE', `/v1/agents/${agent}`, who.tenantAdmin)).status).toBe(204)
    const { revocation } = await lastEvent()
    const shown = (await get(String(revocation))).body
    expect(shown.entries).toMatchObject([{ kind: 'agent', subject: agent, least: await configEpoch() }])
  })
})

describe('a trust source that is deleted', () => {
  test('leaves no token behind of those who enrolled by it, and their accounts to whoever still proves itself', async () => {
    const other = { ...openIdSource, name: 'for enrolling', issuer: 'https://enrolling.example' }
    const id = (await api.call('POST', '/v1/trust-sources', who.tenantAdmin, other)).body.id
    const agent = await newAgent()
    const account = await openAccount(api.database.sql, tenantId, { agent: parseId('agent', agent)! })
    await api.admin`insert into mayfly.enrolment (id, tenant_id, agent_id, instance, trust_source_id, basis, not_after)
      values (${randomUUID()}, ${tenantId}, ${parseId('agent', agent)!}, 'w-1', ${parseId('trustSource', id)!}, '\\x00', now() + interval '1 hour')`
    expect((await api.call('DELETE', `/v1/trust-sources/${id}`, who.tenantAdmin)).status).toBe(204)
    const { type, revocation } = await lastEvent()
    expect(type).toBe('trust_source.deleted')
    const shown = (await get(String(revocation))).body
    expect(shown).toMatchObject({ kind: 'trust_source', subject: id, cause: 'trust_source' })
    expect(shown.entries).toMatchObject([{ kind: 'agent', subject: agent, least: await configEpoch() }])
    expect(shown).not.toHaveProperty('accounts')
    expect(await statesOf([account.id])).toEqual(['a'])
  })
})

describe('an emergency rotation', () => {
  test('tells verifiers of every key that it retired', async () => {
    const { body } = await api.call('POST', '/v1/keys/rotate', who.tenantAdmin, { use: 'signing', now: true })
    const shown = (await get(body.revocation)).body
    expect(shown.entries.map((entry: { subject: string }) => entry.subject).sort()).toEqual([...body.retired].sort())
    const ordinary = await api.call('POST', '/v1/keys/rotate', who.tenantAdmin, { use: 'signing' })
    expect(ordinary.body.revocation).toBeUndefined()
  })
})

import { expect, test } from 'vitest'
import type { Lease, LeaseRequest } from '#core/quota/block.ts'
import { createLeaser } from '#core/quota/leaser.ts'
import { standardLimits } from '#core/quota/limits.ts'
import { QuotaError } from '#core/quota/quota-error.ts'
import { Quotas, type QuotaUse } from '#core/quota/quotas.ts'
import { rateLimitFields } from '#core/quota/rate-limit-fields.ts'
import type { Agent } from '#core/registry/agent.ts'
import { makeAgent, makeSnapshot } from '../subject/snapshot.ts'

const nowMs = 90_000

function setUp(limits: Agent['settings']['limits'] = {}) {
  const asked: LeaseRequest[] = []
  const out = new Map<string, number>()
  const lease = async (request: LeaseRequest): Promise<Lease> => {
    asked.push(request)
    const name = `${request.kind} ${request.scope}`
    const before = out.get(name) ?? request.opening
    const granted = Math.max(0, Math.min(request.limit - before, Math.max(request.least, request.wanted)))
    out.set(name, before + granted)
    const endsMs = request.kind === 'opens' || request.kind === 'tokens' ? 120_000 : Number.POSITIVE_INFINITY
    return { granted, used: before + granted, endsMs, atMs: nowMs }
  }
  const addressMac = (tenantId: string, group: string) => Buffer.from(`${tenantId.slice(-4)}${group}`.padEnd(16).slice(0, 16))
  const quotas = new Quotas({ clock: { nowMs: () => nowMs }, lease, addressMac, groupOf: address => address.slice(0, 4) })
  const agent = makeAgent([], {}, { limits })
  const snapshot = makeSnapshot({ agents: [agent] })
  const use = (more: Partial<QuotaUse> = {}): QuotaUse => ({
    snapshot,
    agent,
    address: '10.0.0.1',
    opens: false,
    account: { id: 'a', units: 0 },
    ...more,
  })
  return { quotas, use, asked }
}

test('a token waits for nothing once there are blocks, and asks for each of them once', async () => {
  const { quotas, use, asked } = setUp()
  expect(quotas.take(use())).toBeInstanceOf(Promise)
  await quotas.take(use())
  const leases = asked.length
  for (let i = 0; i < 100; i++) expect(quotas.take(use())).not.toBeInstanceOf(Promise)
  expect(asked.length).toBe(leases)
  expect(asked.map(({ kind, limit }) => [kind, limit])).toEqual([
    ['tokens', standardLimits.tenant_tokens_per_minute],
    ['tokens', standardLimits.agent_tokens_per_minute],
    ['tokens', standardLimits.address_tokens_per_minute],
  ])
})

test('leases that are needed together share a round trip', async () => {
  const batches: number[] = []
  const lease = createLeaser(async rows => {
    batches.push(rows.length)
    return rows.map(({ limit }) => ({ granted: limit, used: limit, endsMs: 120_000, atMs: nowMs }))
  })
  const { use } = setUp()
  const quotas = new Quotas({ clock: { nowMs: () => nowMs }, lease, addressMac: () => Buffer.alloc(16), groupOf: a => a })
  await Promise.all([quotas.take(use({ opens: true })), quotas.take(use({ opens: true }))])
  expect(batches).toEqual([6])
})

test('whoever is refused has used nothing of the other limits', async () => {
  const { quotas, use } = setUp({ agent_tokens_per_minute: 1, account_tokens: 10 })
  const taken = await quotas.take(use())
  const remaining = () => quotas.standings(taken).map(({ name, remaining: left }) => [name, left])
  const before = remaining()
  for (let i = 0; i < 3; i++) await expect(quotas.take(use())).rejects.toBeInstanceOf(QuotaError)
  expect(remaining()).toEqual(before)
  quotas.giveBack(taken)
  await quotas.take(use())
})

test('a refusal names its limit, and when to come again where that helps', async () => {
  const { quotas, use } = setUp({ agent_tokens_per_minute: 0 })
  const refusal = await Promise.resolve(quotas.take(use())).catch((error: QuotaError) => error)
  expect(refusal).toMatchObject({ code: 'quota_exceeded', standing: { name: 'agent_tokens_per_minute', limit: 0, remaining: 0 } })
  const total = setUp({ account_tokens: 0 })
  const final = await Promise.resolve(total.quotas.take(total.use())).catch((error: QuotaError) => error)
  expect(final).toMatchObject({ code: 'quota_used_up', retryAfterSeconds: undefined })
})

test('what a token costs counts for tenant, agent, parent and address; one that costs nothing asks for none of that', async () => {
  const { quotas, use, asked } = setUp({ agent_units_per_minute: 25 })
  const units = () => asked.filter(({ kind }) => kind === 'units').length
  await quotas.take(use())
  expect(units()).toBe(0)
  const dear = use({ account: { id: 'a', units: 10 } })
  await quotas.take(dear)
  await quotas.take(dear)
  expect(units()).toBeGreaterThan(0)
  const refusal = await Promise.resolve(quotas.take(dear)).catch((error: QuotaError) => error)
  expect(refusal).toMatchObject({ code: 'quota_exceeded', standing: { name: 'agent_units_per_minute', limit: 25 } })
})

test('limits that are none are asked of nobody', async () => {
  const { quotas, use, asked } = setUp({ agent_tokens_per_minute: null })
  await quotas.take(use())
  expect(asked.length).toBe(2)
})

test('all addresses of a group share one budget, those of others have their own', async () => {
  const { quotas, use, asked } = setUp()
  await quotas.take(use({ address: '10.0.0.1' }))
  await quotas.take(use({ address: '10.0.9.9' }))
  expect(asked.length).toBe(3)
  await quotas.take(use({ address: '11.0.0.1' }))
  expect(asked.length).toBe(4)
})

test('a carved quota bounds a child below what its registration says, never above', async () => {
  const { quotas, use } = setUp({ account_tokens: 3 })
  const child = (tokens: number, id: string) => use({ account: { id, units: 0, ahead: true, quota: { tokens }, parentId: 'p' } })
  const count = async (quota: number, id: string): Promise<number> => {
    let given = 0
    for (let i = 0; i < 20; i++) {
      const taken = await Promise.resolve(quotas.take(child(quota, id))).catch(() => undefined)
      if (taken) given++
    }
    return given
  }
  expect(await count(2, 'one')).toBe(2)
  expect(await count(9, 'two')).toBe(3)
})

test('fields are those of the draft', () => {
  expect(rateLimitFields([])).toBeUndefined()
  expect(
    rateLimitFields([
      { name: 'agent_tokens_per_minute', limit: 60, remaining: 5, resetSeconds: 12 },
      { name: 'account_tokens', limit: 9, remaining: 0, resetSeconds: undefined },
    ]),
  ).toEqual({
    'ratelimit-policy': '"agent_tokens_per_minute";q=60;w=60, "account_tokens";q=9',
    ratelimit: '"agent_tokens_per_minute";r=5;t=12, "account_tokens";r=0',
  })
})

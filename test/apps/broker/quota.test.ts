// Limits on real sockets: two brokers on one database, each with its own leased blocks.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '#apps/broker/broker.ts'
import { createLogger } from '#apps/process/logger.ts'
import { blockSize } from '#core/quota/block.ts'
import type { Limits } from '#core/quota/limits.ts'
import { foldUsage } from '#db/quota/fold-usage.ts'
import { freePort } from '#test/setup/free-port.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { type Answer, createHttp, type Http } from '#test/setup/registration.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const use = useBroker()
let second: Broker
let other: Http
beforeAll(async () => {
  const [port, mtlsPort] = [await freePort(), await freePort()]
  const { config, ca } = use.running
  second = await startBroker({ ...config, port, mtlsPort }, createLogger('broker', 'silent'))
  const urls = { publicUrl: `https://localhost:${port}`, mtlsUrl: `https://localhost:${mtlsPort}` }
  other = createHttp(urls, ca.certificatePem)
})
afterAll(async () => {
  await other.close()
  await second.close()
})

let tasks = 0
const form = (changes: Record<string, string> = {}) => use.running.form({ task_id: `quota-${tasks}`, ...changes })

async function setLimits(limits: Partial<Limits>): Promise<void> {
  const { running } = use
  const answer = await running.v1('PUT', `/v1/tenants/${running.ids.tenant}/limits`, { limits }, running.platformToken)
  expect(answer.status, answer.text).toBe(200)
  // As if a new minute had begun: what earlier tests leased counts no more.
  await use.database.admin`delete from mayfly.quota`
  const [{ epoch }] = await use.database.admin<[{ epoch: number }]>`select config_epoch::int as epoch from mayfly.tenant`
  for (const { deps } of [use.running.broker, second])
    await expect.poll(async () => (await deps.directory.resolve(undefined))?.configEpoch).toBe(epoch)
  tasks++
}

/** So many requests at both brokers at once, a few dozen at a time. */
async function load(count: number, changes: (i: number) => Record<string, string> = () => ({})): Promise<Answer[]> {
  const answers: Answer[] = []
  let next = 0
  const work = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) {
      const send = i % 2 ? other.token : use.running.token
      answers.push(await send(form(changes(i)), use.running.certificate))
    }
  }
  await Promise.all(Array.from({ length: 24 }, work))
  return answers
}

const issued = (answers: readonly Answer[]): number => answers.filter(({ status }) => status === 200).length
/** On a busy machine some are told to come again, which says nothing of limits. */
const refused = (answers: readonly Answer[]): Answer[] => answers.filter(({ status }) => status !== 200 && status !== 503)
const unanswered = (answers: readonly Answer[]): number => answers.filter(({ status }) => status === 503).length
/** How many windows of a minute the work touched. */
async function countWindows<T>(work: () => Promise<T>): Promise<[T, number]> {
  const window = () => Math.floor(second.deps.clock.nowMs() / 60_000)
  const before = window()
  const result = await work()
  return [result, window() - before + 1]
}

describe('two brokers under parallel load (attack 20)', () => {
  for (const name of ['tenant_tokens_per_minute', 'agent_tokens_per_minute', 'address_tokens_per_minute'] as const)
    test(`never issue more than ${name} together, and leave no more than a block each unused`, async () => {
      await setLimits({ [name]: 150 })
      await use.running.token(form(), use.running.certificate)
      const [answers, windows] = await countWindows(() => load(400))
      expect(issued(answers)).toBeLessThanOrEqual(150 * windows)
      expect(issued(answers) + 1 + unanswered(answers)).toBeGreaterThanOrEqual(150 - 2 * blockSize(150))
      for (const { status, headers, body } of refused(answers)) {
        expect(status).toBe(429)
        expect(body).toMatchObject({ error: 'temporarily_unavailable' })
        expect(body.error_description).toContain(name)
        expect(Number(headers['retry-after'])).toBeGreaterThan(0)
        expect(headers['ratelimit-policy']).toBe(`"${name}";q=150;w=60`)
        expect(headers['ratelimit']).toMatch(new RegExp(`^"${name}";r=\\d+;t=\\d+$`))
      }
    })

  test('never open more accounts than agent_opens_per_minute together', async () => {
    await setLimits({ agent_opens_per_minute: 30 })
    const [answers, windows] = await countWindows(() => load(120, i => ({ task_id: `open-${tasks}-${i}` })))
    expect(issued(answers)).toBeLessThanOrEqual(30 * windows)
    expect(issued(answers) + unanswered(answers)).toBeGreaterThanOrEqual(30 - 2)
  })

  test('never let more accounts live than agent_live_accounts, exactly', async () => {
    const [{ live }] = await use.database.admin<
      [{ live: number }]
    >`select count(*)::int as live from mayfly.account where state = 'a'`
    await setLimits({ agent_live_accounts: live + 10 })
    const answers = await load(60, i => ({ task_id: `live-${tasks}-${i}` }))
    expect(issued(answers)).toBeLessThanOrEqual(10)
    expect(issued(answers) + unanswered(answers)).toBeGreaterThanOrEqual(10)
    expect(refused(answers).every(({ status }) => status === 429)).toBe(true)
  })

  test('never let more accounts live than address_live_accounts, exactly, and know it again when one ends', async () => {
    const opened = async () => {
      const [row] = await use.database.admin`
        select count(*)::int as live from mayfly.account where state = 'a' and address_scope is not null`
      return row!['live'] as number
    }
    expect(await opened()).toBe(0)
    await setLimits({ address_live_accounts: 5 })
    const answers = await load(30, i => ({ task_id: `near-${tasks}-${i}` }))
    expect(issued(answers)).toBeLessThanOrEqual(5)
    expect(await opened()).toBeLessThanOrEqual(5)
    expect(issued(answers) + unanswered(answers)).toBeGreaterThanOrEqual(5)
    const [{ account_id }] = answers.filter(({ status }) => status === 200).map(({ body }) => body) as [{ account_id: string }]
    expect((await use.running.v1('POST', `/v1/accounts/${account_id}/revoke`)).status).toBe(200)
    const again = await load(5, i => ({ task_id: `near-again-${tasks}-${i}` }))
    expect(issued(again) + unanswered(again)).toBeGreaterThanOrEqual(1)
    expect(await opened()).toBeLessThanOrEqual(5)
    for (const { body } of refused(answers)) expect(body.error_description).toContain('address')
  })

  test('never issue an account more tokens than account_tokens, whichever broker is asked', async () => {
    await setLimits({ account_tokens: 60 })
    const answers = await load(150)
    expect(issued(answers)).toBeLessThanOrEqual(60)
    expect(issued(answers) + unanswered(answers)).toBeGreaterThanOrEqual(60 - 2)
    for (const { status, body, headers } of refused(answers)) {
      expect([status, body.error, headers['retry-after']]).toEqual([400, 'access_denied', undefined])
    }
  })
})

/** What is counted over a few answers must not fall into two minutes. */
const awaitFreshMinute = () =>
  expect.poll(() => 60 - ((second.deps.clock.nowMs() / 1_000) % 60), { timeout: 8_000 }).toBeGreaterThan(5)

describe('limits', () => {
  beforeEach(awaitFreshMinute)

  test('say in each answer what is left of them', async () => {
    await setLimits({ agent_tokens_per_minute: 5_000 })
    const { headers } = await use.running.token(form(), use.running.certificate)
    expect(headers['ratelimit-policy']).toContain('"agent_tokens_per_minute";q=5000;w=60')
    expect(headers['ratelimit']).toMatch(/"agent_tokens_per_minute";r=\d+;t=\d+/)
    const again = await use.running.token(form(), use.running.certificate)
    const left = (text: unknown): number => Number(/"agent_tokens_per_minute";r=(\d+)/.exec(String(text))![1])
    expect(left(again.headers['ratelimit'])).toBe(left(headers['ratelimit']) - 1)
  })

  test('need no round trip for a token while a block is held', async () => {
    await setLimits({})
    for (let i = 0; i < 3; i++) await use.running.token(form(), use.running.certificate)
    const leases = () => use.database.admin<{ used: number }[]>`select sum(used)::int as used from mayfly.quota where kind = 't'`
    const [before] = await leases()
    for (let i = 0; i < 30; i++) expect((await use.running.token(form(), use.running.certificate)).status).toBe(200)
    expect((await leases())[0]!.used).toBe(before!.used)
  })

  test('that refuse are counted by the second, and fill no log', async () => {
    // What earlier tests were refused, and what is not written yet.
    for (const { deps } of [use.running.broker, second]) deps.rejections.drain()
    await setLimits({ tenant_tokens_per_minute: 0 })
    const from = (await readLog(use.database.admin)).length
    const answers = await load(80)
    expect(issued(answers)).toBe(0)
    const rejected = async () =>
      (await readLog(use.database.admin, from))
        .filter(({ leaf }) => leaf.type === 'requests.rejected')
        .map(({ body }) => body.reasons)
    const count = async () => (await rejected()).reduce((sum, reasons) => sum + (reasons.quota_exceeded ?? 0), 0)
    await expect.poll(count, { timeout: 5_000 }).toBe(80)
    const entries = await readLog(use.database.admin, from)
    expect(entries.filter(({ leaf }) => leaf.type === 'token.denied')).toEqual([])
    await setLimits({})
  })

  test('of an agent stand in the place of those that its tenant has for every agent', async () => {
    const { running } = use
    await setLimits({ agent_tokens_per_minute: 0 })
    const agent = (await running.v1('GET', `/v1/agents/${running.ids.agent}`)).body
    const { id: _i, client_id: _c, created_at: _a, updated_at: _u, ...body } = agent
    const changed = await running.v1('PUT', `/v1/agents/${running.ids.agent}`, {
      ...body,
      settings: { ...body.settings, limits: { agent_tokens_per_minute: 2 } },
    })
    expect(changed.status, changed.text).toBe(200)
    const statuses = []
    for (let i = 0; i < 3; i++) statuses.push((await running.token(form(), running.certificate)).status)
    expect(statuses).toEqual([200, 200, 429])
    await running.v1('PUT', `/v1/agents/${running.ids.agent}`, body)
    await setLimits({})
  })

  test('count what resources cost against what an account may spend', async () => {
    const { running } = use
    const resource = (await running.v1('GET', `/v1/resources/${running.ids.resource}`)).body
    const { id: _i, created_at: _a, updated_at: _u, ...body } = resource
    expect((await running.v1('PUT', `/v1/resources/${running.ids.resource}`, { ...body, token_units: 10 })).status).toBe(200)
    await setLimits({ account_spend_units: 25 })
    const statuses = []
    for (let i = 0; i < 3; i++) statuses.push((await running.token(form(), running.certificate)).status)
    expect(statuses).toEqual([200, 200, 400])
    for (const name of ['tenant_units_per_minute', 'agent_units_per_minute', 'address_units_per_minute'] as const) {
      await setLimits({ [name]: 15 })
      const [answers, windows] = await countWindows(() => load(6))
      expect(issued(answers), name).toBeLessThanOrEqual(windows)
      expect(issued(answers) + unanswered(answers), name).toBeGreaterThanOrEqual(1)
      expect(refused(answers)[0]?.body.error_description).toContain(name)
    }
    await running.v1('PUT', `/v1/resources/${running.ids.resource}`, body)
    await setLimits({})
  })
})

test('what an account used stands in its record: tokens, and refusals in it', async () => {
  const { running, database } = use
  await setLimits({})
  const { body } = await running.token(form(), running.certificate)
  await running.token(form(), running.certificate)
  expect((await running.token(form({ scope: 'orders:write' }), running.certificate)).status).toBe(400)
  await foldUsage(database.database.sql)
  const usage = await running.v1('GET', `/v1/usage?by=account&account=${body.account_id}`)
  expect(usage.body.items).toEqual([
    expect.objectContaining({ account: body.account_id, agent: running.ids.agent, opened: 1, tokens: 2, denials: 1 }),
  ])
})

// Row 39: what a decision rests on changes between the decision and its commit. The moment is made to last: a transaction of
// ours holds the log's head, so that change and issuance both wait for it, the change first.

import { decodeJwt } from 'jose'
import type { ReservedSql } from 'postgres'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { flushRejections } from '#apps/broker/flush-rejections.ts'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { readLog } from '#test/setup/log-reader.ts'
import type { Answer } from '#test/setup/registration.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
let holder: ReservedSql
beforeEach(async () => {
  holder = await broker.database.admin.reserve()
})
afterEach(async () => {
  await holder`rollback`.catch(() => {})
  holder.release()
})

/** How many sessions wait for a lock: those that want the head. */
const waiting = async () =>
  (
    await broker.database.admin<{ n: number }[]>`
      select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  )[0]!.n

async function untilWaiting(count: number): Promise<void> {
  await vi.waitFor(async () => expect(await waiting()).toBe(count), { timeout: 2_000, interval: 5 })
}

/** Nobody else may want the head meanwhile: the counts of what was refused before are written first, as they are each second. */
async function holdHead(): Promise<void> {
  const { deps } = broker.running.broker
  await flushRejections(deps)
  await vi.waitFor(() => expect(deps.log.depth).toBe(0))
  await holder`begin`
  await holder`select size from log.head where id = 1 for update`
}

/** Lets `change` be committed while `ask` has been decided and is not yet written. */
async function raceWith(change: () => Promise<Answer>, ask: () => Promise<Answer>): Promise<{ changed: Answer; asked: Answer }> {
  await holdHead()
  const changing = change()
  await untilWaiting(1)
  const asking = ask()
  await untilWaiting(2)
  await holder`commit`
  const [changed, asked] = await Promise.all([changing, asking])
  return { changed, asked }
}

const agentPath = () => `/v1/agents/${broker.running.ids.agent}`
const resourcePath = () => `/v1/resources/${broker.running.ids.resource}`
const sourcePath = () => `/v1/trust-sources/${broker.running.ids.openid}`
const ask = (task_id: string, changes: Record<string, string> = {}) =>
  broker.running.token(broker.running.form({ task_id, ...changes }), broker.running.certificate)
const put = (path: string, change: (view: Record<string, unknown>) => Record<string, unknown>) => () =>
  changeRegistration(broker.running, path, change)

describe('39: a change that is committed first decides', () => {
  type Case = [what: string, path: () => string, change: () => Record<string, unknown>, status: number, error: string]
  test.each<Case>([
    ['the ceiling of the agent', agentPath, () => ({ ceiling: { scope: 'orders:write' } }), 400, 'invalid_scope'],
    [
      'the rules of the agent',
      agentPath,
      () => ({ rules: [{ trust_source: broker.running.ids.openid, claims: { sub: 'x' } }] }),
      400,
      'invalid_request',
    ],
    ['whether it may open accounts', agentPath, () => ({ settings: { may_open: false } }), 400, 'access_denied'],
    [
      'the scopes of the resource',
      resourcePath,
      () => ({ scopes: [{ name: 'orders:write', description: 'x' }] }),
      400,
      'invalid_scope',
    ],
    ['the audience of the trust source', sourcePath, () => ({ audience: 'another' }), 400, 'invalid_request'],
  ])('%s', async (what, path, change, status, error) => {
    const task = `race-${what.replaceAll(' ', '-')}`
    // Once before, so that the subject is known and the decision needs no more reading.
    expect((await ask(`${task}-before`)).status).toBe(200)
    const before = (await broker.running.v1('GET', path())).body
    const { changed, asked } = await raceWith(put(path(), change), () => ask(task))
    expect(changed.status).toBe(200)
    expect([asked.status, asked.body.error]).toEqual([status, error])
    const entries = await readLog(broker.database.admin)
    const at = entries.findLastIndex(entry => entry.leaf.type.endsWith('.changed'))
    expect(entries.slice(at).map(entry => entry.leaf.type)).not.toContain('token.issued')
    const [account] = await broker.database.admin`select 1 from mayfly.account where task_id = ${task}`
    expect(account).toBeUndefined()
    const restored = await changeRegistration(broker.running, path(), () => withoutStamps(before))
    expect(restored.status).toBe(200)
    await vi.waitFor(async () => expect((await ask(`${task}-after`)).status).toBe(200), { timeout: 5_000 })
  })

  test('a change that takes nothing away leads to a token under the new configuration', async () => {
    await ask('harmless-before')
    const { asked } = await raceWith(
      put(resourcePath(), () => ({ name: 'Renamed' })),
      () => ask('harmless'),
    )
    expect(asked.status).toBe(200)
    const [tenant] = await broker.database.admin<{ epoch: bigint }[]>`select config_epoch as epoch from mayfly.tenant`
    expect(decodeJwt(asked.body.access_token)['cfg']).toBe(Number(tenant!.epoch))
  })

  test('a token whose commit came first stands before the change in the log', async () => {
    await ask('first-before')
    await holdHead()
    const asking = ask('first')
    await untilWaiting(1)
    const changing = changeRegistration(broker.running, agentPath(), () => ({ ceiling: { scope: 'orders:write' } }))
    await untilWaiting(2)
    await holder`commit`
    const [asked, changed] = await Promise.all([asking, changing])
    expect([asked.status, changed.status]).toEqual([200, 200])
    const types = (await readLog(broker.database.admin)).map(entry => entry.leaf.type)
    expect(types.lastIndexOf('token.issued')).toBeLessThan(types.lastIndexOf('agent.changed'))
  })
})

function withoutStamps(view: Record<string, unknown>): Record<string, unknown> {
  const { id: _id, client_id: _client, created_at: _created, updated_at: _updated, ...own } = view
  return own
}

// What ends leaves nothing behind: ten thousand accounts, opened and completed one batch after the other under limits that leave no
// room for what was not given back.

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLogger } from '#apps/process/logger.ts'
import { drainOutbox } from '#apps/worker/outbox/drain.ts'
import { createOutboxHandlers } from '#apps/worker/outbox/handlers.ts'
import { changeAccounts } from '#core/account/change-accounts.ts'
import { sweepAccounts } from '#core/reaper/sweep.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { createTenant } from '#test/db/log/requests.ts'
import { openAccount, openAccounts } from '#test/setup/accounts.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { sweepDepsOf } from '#test/setup/sweeping.ts'

const cycles = 10_000
const room = 250

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.close())

test('ten thousand openings and completions in a room for 250 leave no quota used and no row but tombstones', {
  timeout: 120_000,
}, async () => {
  const { sql } = db.database
  const tenantId = await createTenant(db.admin)
  const agents = [randomUUID(), randomUUID()]
  const limits = { tenant: room, agent: room / 2 }
  const deps = { transition: transitionAccounts.bind(undefined, sql) }
  const handlers = createOutboxHandlers({ database: db.database })
  const logger = createLogger('worker', 'silent')
  const taskKeys: string[] = []
  for (let done = 0; done < cycles; done += room) {
    const accounts = await openAccounts(sql, tenantId, room, index => ({ agent: agents[index % 2]!, limits }))
    expect(accounts.every(({ outcome }) => outcome === 'appended')).toBe(true)
    expect((await openAccount(sql, tenantId, { agent: agents[0]!, limits })).outcome).toMatch(/_full$/)
    const proposals = accounts.map(({ id: accountId, agent: agentId }) => ({
      accountId,
      agentId,
      tenantId,
      generation: 1,
      transition: 'complete' as const,
      facts: {},
    }))
    const answers = await changeAccounts(deps, proposals, Date.now())
    expect(answers.every(({ outcome }) => outcome === 'done')).toBe(true)
    if (done % 1_000 === 0) {
      await drainOutbox({ database: db.database, logger, handlers })
      await sweepAccounts(sweepDepsOf(db.database))
    }
    taskKeys.push(accounts[0]!.task_key)
  }
  await drainOutbox({ database: db.database, logger, handlers })
  await sweepAccounts(sweepDepsOf(db.database))

  const [left] = await db.admin`
    select (select sum(live)::int from mayfly.live_count) as live, (select count(*)::int from mayfly.live_count) as scopes,
           (select count(*)::int from mayfly.account) as accounts, (select count(*)::int from mayfly.lineage) as lineages,
           (select count(*)::int from mayfly.outbox) as outbox, (select count(*)::int from mayfly.tombstone) as tombstones`
  // One number for the tenant and one for each agent stay; they are 0.
  expect({ ...left }).toEqual({ live: 0, scopes: 3, accounts: 0, lineages: 0, outbox: 0, tombstones: cycles })
  for (const task_key of taskKeys.slice(0, 3)) expect((await openAccount(sql, tenantId, { task_key })).outcome).toBe('task_ended')
  expect((await openAccount(sql, tenantId, { agent: agents[0]!, limits })).outcome).toBe('appended')
})

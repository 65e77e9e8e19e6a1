import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createLogger } from '#apps/process/logger.ts'
import { parkAfterAttempts, postpone } from '#apps/worker/outbox/backoff.ts'
import { drainOutbox, type OutboxDeps } from '#apps/worker/outbox/drain.ts'
import type { OutboxHandler } from '#apps/worker/outbox/handler.ts'
import { createOutboxHandlers } from '#apps/worker/outbox/handlers.ts'
import { sweepAccounts } from '#core/reaper/sweep.ts'
import { leaseOutbox, type OutboxRow, retryParkedOutbox } from '#db/accounts/outbox.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { createTenant, event } from '#test/db/log/requests.ts'
import { clearAccounts, lineageUnder, openAccount, openAccounts, readAccountEvents } from '#test/setup/accounts.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { sweepDepsOf } from '#test/setup/sweeping.ts'

let db: TestDatabase
let tenantId: string
beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 6 })
})
afterAll(() => db.close())
beforeEach(async () => {
  await clearAccounts(db.admin)
  tenantId = await createTenant(db.admin)
})

const open = (settings = {}) => openAccount(db.database.sql, tenantId, settings)
const change = (accountId: string, transition: string) =>
  transitionAccounts(db.database.sql, [
    { accountId, tenantId, transition, generation: null, event: event(), outbox: { told: accountId } },
  ])
const drain = (handlers: readonly OutboxHandler[], more: Partial<OutboxDeps> = {}) =>
  drainOutbox({ database: db.database, logger: createLogger('worker', 'silent'), handlers, ...more })
const waiting = async () => {
  const rows = await db.admin<{ attempts: number; parked: boolean; wait: number }[]>`
    select attempts, parked, extract(epoch from due_at - clock_timestamp())::float8 as wait from mayfly.outbox order by id`
  return rows.map(row => ({ ...row }))
}
const makeDue = () => db.admin`update mayfly.outbox set due_at = clock_timestamp() - interval '1 second'`

function recorder(name = 'recorder', answer: (row: OutboxRow) => Promise<void> = async () => {}) {
  const rows: OutboxRow[] = []
  const handler: OutboxHandler = {
    name,
    pick: async all => all,
    handle: async row => {
      rows.push(row)
      await answer(row)
    },
  }
  return { rows, handler }
}

describe('the outbox', () => {
  test('brings each change to each handler with what was said of it, and is empty after', async () => {
    const account = await open()
    await change(account.id, 'complete')
    const [first, second] = [recorder('one'), recorder('two')]
    expect(await drain([first.handler, second.handler])).toEqual({ done: 1, postponed: 0 })
    const row = {
      accountId: account.id,
      tenantId,
      transition: 'complete',
      generation: 2,
      payload: { told: account.id },
      attempts: 1,
    }
    expect(first.rows).toMatchObject([row])
    expect(second.rows).toMatchObject([row])
    expect(await waiting()).toEqual([])
    expect(await drain([first.handler])).toEqual({ done: 0, postponed: 0 })
  })

  test('asks no handler for what it did not pick', async () => {
    await change((await open()).id, 'complete')
    const { rows, handler } = recorder()
    await drain([{ ...handler, pick: async () => [] }])
    expect(rows).toEqual([])
    expect(await waiting()).toEqual([])
  })

  test('tries what failed again, later and later, and stops no other handler or account for it', async () => {
    const [bad, good] = [await open(), await open()]
    await change(bad.id, 'revoke')
    await change(good.id, 'revoke')
    const failing = recorder('failing', async ({ accountId }) => {
      if (accountId === bad.id) throw new Error('the other side is gone')
    })
    const other = recorder('other')
    const handlers = [failing.handler, other.handler]
    expect(await drain(handlers)).toEqual({ done: 1, postponed: 1 })
    expect(other.rows).toHaveLength(2)
    expect(await drain(handlers)).toEqual({ done: 0, postponed: 0 })
    await makeDue()
    expect(await drain(handlers)).toEqual({ done: 0, postponed: 1 })
    expect(await waiting()).toMatchObject([{ attempts: 2, parked: false }])
  })

  test('parks what fails again and again, visibly, and still tries it every hour', async () => {
    const account = await open()
    await change(account.id, 'revoke')
    await db.admin`update mayfly.outbox set attempts = ${parkAfterAttempts - 1}`
    const lines: string[] = []
    let broken = true
    const { rows, handler } = recorder('teardown', async () => {
      if (broken) throw new Error('permission denied')
    })
    const logger = createLogger('worker', 'error', line => lines.push(line))
    await drain([handler], { logger })
    expect(lines.join()).toMatch(/parked/)
    expect(await waiting()).toMatchObject([{ parked: true }])
    await drain([handler])
    expect(await retryParkedOutbox(db.database.sql)).toBe(0)
    expect(rows).toHaveLength(1)
    await makeDue()
    expect(await retryParkedOutbox(db.database.sql)).toBe(1)
    broken = false
    expect(await drain([handler])).toEqual({ done: 1, postponed: 0 })
  })

  test('postpones a whole batch when a handler cannot even look', async () => {
    await change((await open()).id, 'complete')
    const { handler } = recorder()
    await drain([{ ...handler, pick: () => Promise.reject(new Error('no connection')) }])
    expect(await waiting()).toMatchObject([{ attempts: 1, parked: false }])
  })

  test('is worked off by three workers at once without a row done twice', async () => {
    const accounts = await openAccounts(db.database.sql, tenantId, 600)
    await transitionAccounts(
      db.database.sql,
      accounts
        .slice(0, 500)
        .map(({ id: accountId }) => ({ accountId, tenantId, transition: 'revoke', generation: null, event: event() })),
    )
    const { rows, handler } = recorder()
    await Promise.all([1, 2, 3].map(() => drain([handler], { batch: 40 })))
    expect(new Set(rows.map(({ accountId }) => accountId)).size).toBe(500)
    expect(rows).toHaveLength(500)
  })

  test('gives the rows of a worker that does not come back to another one, not before its lease ends', async () => {
    await change((await open()).id, 'complete')
    const { sql } = db.database
    expect(await leaseOutbox(sql, 10, 0.3)).toHaveLength(1)
    expect(await leaseOutbox(sql, 10, 0.3)).toEqual([])
    await expect.poll(async () => (await leaseOutbox(sql, 10, 60))[0]?.attempts).toBe(2)
  })

  test('keeps its rows while a slow handler works on them', async () => {
    await change((await open()).id, 'complete')
    const slow = recorder('slow', () => delay(900))
    const other = recorder('other')
    const first = drain([slow.handler], { leaseSeconds: 0.3 })
    await expect.poll(() => slow.rows.length).toBe(1)
    for (let i = 0; i < 8; i++) {
      await drain([other.handler], { leaseSeconds: 0.3 })
      await delay(80)
    }
    expect(await first).toEqual({ done: 1, postponed: 0 })
    expect(other.rows).toEqual([])
  })
})

test('the wait before the next try only grows, up to about ten minutes, until the row is parked', () => {
  const attempts = fc.integer({ min: 1, max: parkAfterAttempts - 2 })
  const random = fc.double({ min: 0, max: 0.999, noNaN: true })
  fc.assert(
    fc.property(attempts, random, (n, r) => {
      const [now, later] = [postpone(n, r), postpone(n + 1, r)]
      expect(now.parked).toBe(false)
      expect(later.seconds).toBeGreaterThanOrEqual(now.seconds)
      expect(later.seconds).toBeLessThanOrEqual(750)
    }),
  )
  expect(postpone(parkAfterAttempts, 0)).toEqual({ seconds: 3_600, parked: true })
})

describe('what descends from an account that is over', () => {
  const handlers = () => createOutboxHandlers({ database: db.database })
  const states = async () => {
    const rows = await db.admin<{ state: string; count: number }[]>`
      select state::text as state, count(*)::int as count from mayfly.account group by state order by state`
    return Object.fromEntries(rows.map(({ state, count }) => [state, count]))
  }

  test.each(['complete', 'revoke'])('is revoked in batches, at every depth: %s', async name => {
    const root = await open()
    const children = await openAccounts(db.database.sql, tenantId, 700, { lineage: lineageUnder(root) })
    const grandchild = await open({ lineage: lineageUnder(children[3]!) })
    const stranger = await open()
    await change(root.id, name)
    await drain(handlers())
    expect(await states()).toEqual(name === 'complete' ? { a: 1, m: 1, r: 701 } : { a: 1, r: 702 })
    const events = await readAccountEvents(db.admin)
    expect(events.get(grandchild.id)).toEqual(['account.opened', 'account.revoked'])
    expect(events.get(stranger.id)).toEqual(['account.opened'])
    expect(await sweepAccounts(sweepDepsOf(db.database))).toMatchObject({ expired: 0, reaped: 702 })
    expect(await waiting()).toEqual([])
    expect(
      await db.admin`select from mayfly.live_count where live > 0 and scope <> all(${[tenantId, stranger.agent]})`,
    ).toHaveLength(0)
  })

  test('of which the middle is gone is found too', async () => {
    const root = await open()
    const middle = await open({ lineage: lineageUnder(root) })
    const leaf = await open({ lineage: lineageUnder(middle) })
    await change(middle.id, 'complete')
    await change(root.id, 'complete')
    // As if another worker had been faster with collecting than this one is with the outbox.
    await db.admin`update mayfly.live_count set live = 0 where scope in (${middle.id}, ${root.id})`
    await sweepAccounts(sweepDepsOf(db.database))
    await db.admin`update mayfly.live_count set live = 1 where scope in (${middle.id}, ${root.id})`
    await drain(handlers())
    expect((await readAccountEvents(db.admin)).get(leaf.id)).toEqual(['account.opened', 'account.revoked'])
  })

  test('goes on when the root is merely extended', async () => {
    const root = await open()
    await open({ lineage: lineageUnder(root) })
    await transitionAccounts(db.database.sql, [
      { accountId: root.id, tenantId, transition: 'extend', generation: 1, deadlineSeconds: root.deadline + 60, event: event() },
    ])
    await drain(handlers())
    expect(await states()).toEqual({ a: 2 })
  })
})

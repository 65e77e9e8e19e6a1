// Fault F5: what waits for a log that hangs is bounded.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { prepareEvent } from '#core/audit/event.ts'
import { GroupCommit } from '#core/audit/group-commit.ts'
import type { BrokerError } from '#core/errors/broker-error.ts'
import { DatabaseClock } from '#core/time/database-clock.ts'
import { type Database, openDatabase } from '#db/connect.ts'
import { type AppendRequest, appendBatch } from '#db/log/append.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let testDatabase: TestDatabase
const opened: Database[] = []
beforeAll(async () => {
  testDatabase = await createTestDatabase()
})
afterAll(async () => {
  await Promise.all(opened.map(database => database.close().catch(() => {})))
  await testDatabase.close()
})

function openLog(): GroupCommit {
  const open = (): Database => {
    const database = openDatabase(testDatabase.urls.app, { poolSize: 1, statementTimeoutMs: 5_000 })
    opened.push(database)
    return database
  }
  let database = open()
  return new GroupCommit({
    clock: new DatabaseClock(),
    commit: requests => appendBatch(database.sql, requests),
    reconnect: () => {
      const hung = database
      database = open()
      void hung.sql.end({ timeout: 0 }).catch(() => {})
    },
  })
}

const request = (): AppendRequest => ({
  tenantId: null,
  configEpoch: null,
  account: null,
  untilSeconds: 0,
  events: [prepareEvent({ type: 'requests.rejected', tenantId: null, facts: { reasons: {} } }, Date.now())],
  opening: null,
  pin: null,
  subjectKey: null,
})

test('beyond the bound a request is refused at once; what waits is refused within a second; then the log works on', async () => {
  const log = openLog()
  await log.append(request())
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const { promise: locked, resolve: isLocked } = Promise.withResolvers<void>()
  const holding = testDatabase.admin.begin(async trx => {
    await trx`select from log.head for update`
    isLocked()
    await released
  })
  await locked
  const sentMs = performance.now()
  const burst = async (count: number) => {
    const results = await Promise.allSettled(Array.from({ length: count }, () => log.append(request())))
    const codes = results.map(result => (result.status === 'rejected' ? (result.reason as BrokerError).code : result.value))
    return Object.fromEntries([...Map.groupBy(codes, code => code)].map(([code, all]) => [code, all.length]))
  }
  const first = burst(4_000)
  const second = burst(2_000)
  const beyond = log.append(request())
  await expect(beyond).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 })
  expect(performance.now() - sentMs).toBeLessThan(500)
  expect(log.depth).toBeLessThanOrEqual(4_096 + 512)
  expect(await first).toEqual({ log_unavailable: 4_000 })
  expect(await second).toEqual({ log_unavailable: 96, overloaded: 1_904 })
  expect(performance.now() - sentMs).toBeLessThan(1_500)
  release()
  await holding
  await expect.poll(() => log.append(request()).catch(() => 'refused'), { timeout: 5_000 }).toBe('appended')
}, 20_000)

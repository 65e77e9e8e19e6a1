// Faults F6 and F7: the queue's Redis loses everything, goes away, comes back with old jobs, or takes no more. Jobs are hints, so
// all that may change is the wait: whatever is due is collected within 30 s, once, and nothing that has ended is accepted.

import { Registry } from 'prom-client'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { announceDeadlines } from '#apps/broker/announce-deadlines.ts'
import { createLogger } from '#apps/process/logger.ts'
import { createQueues } from '#apps/process/queues.ts'
import type { OutboxHandler } from '#apps/worker/outbox/handler.ts'
import { startReaper } from '#apps/worker/reaper.ts'
import { createReaperMetrics } from '#apps/worker/reaper-metrics.ts'
import { readReaperBacklog } from '#db/accounts/due.ts'
import { appendBatch } from '#db/log/append.ts'
import { createTenant, makeRequest } from '#test/db/log/requests.ts'
import { clearAccounts, openAccounts, readAccountEvents, type TestAccount } from '#test/setup/accounts.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { hasRedis } from '#test/setup/redis.ts'
import { BreakableRedis } from './rig/breakable-redis.ts'

const withinMs = 30_000
const logger = createLogger('chaos', 'silent')

let db: TestDatabase
let tenantId: string
beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 8 })
})
afterAll(() => db.close())
beforeEach(async () => {
  await clearAccounts(db.admin)
  tenantId = await createTenant(db.admin)
})

/** How each fault begins; undefined: the fault is over with its beginning. */
const faults: Record<string, (redis: BreakableRedis) => Promise<unknown>> = {
  'F6: FLUSHALL': redis => redis.command('FLUSHALL'),
  'F6: kill -9, and it stays away': redis => redis.kill(),
  'F6: kill -9, and it comes back empty': async redis => {
    await redis.kill()
    await redis.start()
  },
  'F7: read-only, as a replica of nobody': redis => redis.command('REPLICAOF', '127.0.0.1', '1'),
  'F7: full, and it refuses writes (OOM)': redis => redis.command('CONFIG', 'SET', 'maxmemory', '1'),
  'F7: full, and it evicts whatever it likes': async redis => {
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random')
    await redis.command('CONFIG', 'SET', 'maxmemory', '1')
  },
  'F7: busy with a script that never ends (BUSY)': async redis => redis.beginEndlessScript(),
}

interface World {
  readonly redis: BreakableRedis
  /** What was done outside, by account and transition. */
  readonly effects: Map<string, number>
  /** Opens accounts and announces them as the broker does. */
  open(count: number, ttlSeconds: number): Promise<TestAccount[]>
}

/** Two workers and what the broker announces with, on one Redis. */
async function startWorld(): Promise<World> {
  const redis = await BreakableRedis.start()
  onTestFinished(() => redis.close())
  const effects = new Map<string, number>()
  const handler: OutboxHandler = {
    name: 'effects',
    pick: async rows => rows,
    handle: async ({ accountId, transition }) => {
      const effect = `${accountId} ${transition}`
      effects.set(effect, (effects.get(effect) ?? 0) + 1)
    },
  }
  const settings = { redisUrl: redis.url }
  for (let i = 0; i < 2; i++) {
    const metrics = createReaperMetrics(new Registry(), () => readReaperBacklog(db.database.sql))
    const reaper = startReaper({ database: db.database, logger, queues: createQueues(settings), handlers: [handler], metrics })
    onTestFinished(() => reaper.close())
  }
  const announcer = announceDeadlines(settings, { nowMs: () => Date.now() }, logger)
  onTestFinished(() => announcer.close())
  return {
    redis,
    effects,
    async open(count, ttlSeconds) {
      const accounts = await openAccounts(db.database.sql, tenantId, count, { ttlSeconds })
      for (const { deadline } of accounts) announcer.note(deadline)
      return accounts
    },
  }
}

async function expectCollectedOnce(accounts: readonly TestAccount[], effects: Map<string, number>): Promise<void> {
  const left = async (): Promise<number> => {
    const [row] = await db.admin<[{ left: number }]>`
      select (select count(*)::int from mayfly.account) + (select count(*)::int from mayfly.outbox) as left`
    return row.left
  }
  await expect.poll(left, { timeout: withinMs, interval: 50 }).toBe(0)
  const tombstones = await db.admin<{ id: string }[]>`select account_id as id from mayfly.tombstone`
  expect(tombstones.map(({ id }) => id).sort()).toEqual(accounts.map(({ id }) => id).sort())
  const events = await readAccountEvents(db.admin)
  for (const { id } of accounts) {
    expect(events.get(id)).toEqual(['account.opened', 'account.expired', 'account.reaped'])
    expect(effects.get(`${id} expire`)).toBe(1)
  }
}

const use = async ({ id }: TestAccount): Promise<string | undefined> =>
  (await appendBatch(db.database.sql, [makeRequest(tenantId, { untilSeconds: 0, account: { id, generation: 1 } })])).outcomes[0]

describe.runIf(hasRedis)('whatever happens to Redis', () => {
  test.for(Object.entries(faults))('%s', { timeout: withinMs + 15_000 }, async ([, begin]) => {
    const { redis, effects, open } = await startWorld()
    const before = await open(150, 1.5)
    await begin(redis)
    const after = await open(150, 1.5)
    expect(await use(after[0]!)).toBe('appended')
    await expect.poll(() => use(after.at(-1)!), { timeout: 5_000, interval: 20 }).toBe('account_not_live')
    for (const account of [before[0]!, after[0]!]) expect(await use(account)).toBe('account_not_live')
    await expectCollectedOnce([...before, ...after], effects)
  })

  test('F6: an old snapshot is restored, with jobs that were done long ago', { timeout: withinMs + 15_000 }, async () => {
    const { redis, effects, open } = await startWorld()
    const first = await open(100, 1)
    await redis.command('SAVE')
    await expectCollectedOnce(first, effects)
    await redis.kill()
    await redis.start()
    const second = await open(100, 1)
    await expectCollectedOnce([...first, ...second], effects)
  })

  test('jobs are used again once Redis is well', { timeout: withinMs + 15_000 }, async () => {
    const { redis, effects, open } = await startWorld()
    await redis.command('CONFIG', 'SET', 'maxmemory', '1')
    const accounts = await open(10, 0.5)
    await expectCollectedOnce(accounts, effects)
    await redis.command('CONFIG', 'SET', 'maxmemory', '0')
    const known = async () => (await redis.command('KEYS', 'mayfly:deadlines:due-*')) as string[]
    await expect
      .poll(
        async () => {
          await open(1, 30)
          return (await known()).length
        },
        { timeout: withinMs, interval: 300 },
      )
      .toBeGreaterThan(0)
  })
})

import { setTimeout as delay } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { announceDeadlines } from '#apps/broker/announce-deadlines.ts'
import { createLogger } from '#apps/process/logger.ts'
import { createQueues, type QueueSettings } from '#apps/process/queues.ts'
import { createOutboxHandlers } from '#apps/worker/outbox/handlers.ts'
import { startReaper } from '#apps/worker/reaper.ts'
import { createReaperMetrics } from '#apps/worker/reaper-metrics.ts'
import { startWorker } from '#apps/worker/worker.ts'
import { readReaperBacklog } from '#db/accounts/due.ts'
import { createTenant } from '#test/db/log/requests.ts'
import { clearAccounts, openAccount, openAccounts } from '#test/setup/accounts.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { freePort } from '#test/setup/free-port.ts'
import { hasRedis, startRedis, type TestRedis } from '#test/setup/redis.ts'

let db: TestDatabase
let redis: TestRedis | undefined
let tenantId: string
beforeAll(async () => {
  db = await createTestDatabase()
  if (hasRedis) redis = await startRedis()
})
afterAll(async () => {
  await redis?.stop()
  await db?.close()
})
beforeEach(async () => {
  await clearAccounts(db.admin)
  tenantId = await createTenant(db.admin)
})

const logger = createLogger('worker', 'silent')
const clock = { nowMs: () => Date.now() }
const settings = {
  postgresql: (): QueueSettings => ({ queueDatabaseUrl: db.urls.queue }),
  redis: (): QueueSettings => ({ redisUrl: redis!.url }),
}
const tombstones = async (): Promise<number> => (await db.admin`select from mayfly.tombstone`).count

function reaper(queues: QueueSettings, everyMs?: number) {
  const registry = new Registry()
  const metrics = createReaperMetrics(registry, () => readReaperBacklog(db.database.sql))
  const handlers = createOutboxHandlers({ database: db.database })
  const started = startReaper({ database: db.database, logger, queues: createQueues(queues), handlers, metrics, everyMs })
  onTestFinished(() => started.close())
  return { ...started, registry }
}

const backends = hasRedis ? (['postgresql', 'redis'] as const) : (['postgresql'] as const)

describe.each(backends)('on %s', backend => {
  test('the job of a deadline brings the worker at once, though its own round is far away', async () => {
    reaper(settings[backend](), 3_600_000)
    const announcer = announceDeadlines(settings[backend](), clock, logger)
    onTestFinished(() => announcer.close())
    const accounts = await openAccounts(db.database.sql, tenantId, 20, { ttlSeconds: 1 })
    for (const { deadline } of accounts) announcer.note(deadline)
    await expect.poll(tombstones, { timeout: 15_000 }).toBe(20)
  })
})

test('without a job the round each second finds what is due, and the numbers tell of it', async () => {
  const { registry } = reaper(settings.postgresql())
  await openAccount(db.database.sql, tenantId, { ttlSeconds: 0.2 })
  await expect.poll(tombstones, { timeout: 5_000 }).toBe(1)
  await expect.poll(() => registry.metrics(), { timeout: 5_000 }).toMatch(/mayfly_outbox_done_total 1/)
  const text = await registry.metrics()
  expect(text).toMatch(/mayfly_accounts_expired_total 1/)
  expect(text).toMatch(/mayfly_accounts_reaped_total 1/)
  expect(text).toMatch(/mayfly_reaper_lateness_seconds_bucket\{le="2"\} 1/)
  expect(text).toMatch(/mayfly_reaper_backlog\{kind="parked"\} 0/)
})

test('a broker without any queue announces nothing, and says nothing of it', async () => {
  const lines: string[] = []
  const announcer = announceDeadlines(
    {},
    clock,
    createLogger('broker', 'info', line => lines.push(line)),
  )
  announcer.note(Date.now() / 1_000)
  await announcer.close()
  expect(lines).toEqual([])
})

test('a queue that is not there costs whoever announces nothing', async () => {
  const lines: string[] = []
  const log = createLogger('broker', 'info', line => lines.push(line))
  const announcer = announceDeadlines({ redisUrl: `redis://127.0.0.1:${await freePort()}` }, clock, log)
  for (let i = 0; i < 1_000; i++) announcer.note(Date.now() / 1_000 + i)
  await expect.poll(() => lines.length).toBeGreaterThan(0)
  await delay(300)
  expect(lines.length).toBeLessThan(3)
  const began = performance.now()
  await announcer.close()
  expect(performance.now() - began).toBeLessThan(2_000)
})

test('the metrics listener of the worker serves numbers and liveness', async () => {
  const worker = await startWorker(
    {
      databaseUrl: db.urls.app,
      queueDatabaseUrl: db.urls.queue,
      logLevel: 'silent',
      keyEncryptionKey: Buffer.alloc(32, 7),
      metrics: { host: '127.0.0.1', port: 0 },
    },
    logger,
  )
  onTestFinished(() => worker.close())
  const get = async (path: string) => fetch(`http://127.0.0.1:${worker.metricsPort}${path}`)
  expect(await (await get('/metrics')).text()).toMatch(/mayfly_reaper_backlog\{kind="due"\}/)
  expect((await get('/readyz')).status).toBe(200)
})

import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createLogger } from '#apps/process/logger.ts'
import { readWorkerConfig } from '#apps/worker/config.ts'
import { createQueues } from '#apps/worker/queues.ts'
import { type RunningWorker, startWorker } from '#apps/worker/worker.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { hasRedis, startRedis, type TestRedis } from '#test/setup/redis.ts'

let db: TestDatabase
let redis: TestRedis | undefined
beforeAll(async () => {
  db = await createTestDatabase()
  if (hasRedis) redis = await startRedis()
})
afterAll(async () => {
  await redis?.stop()
  await db?.close()
})

const logger = createLogger('worker', 'silent')
const keyEncryptionKey = randomBytes(32)
const base = () => ({ databaseUrl: db.urls.app, logLevel: 'silent', keyEncryptionKey })
const configs = {
  postgresql: () => ({ ...base(), redisUrl: undefined, queueDatabaseUrl: db.urls.queue }),
  redis: () => ({ ...base(), redisUrl: redis!.url, queueDatabaseUrl: undefined }),
}

const pinCount = async (): Promise<number> => {
  const [row] = await db.admin<[{ count: number }]>`select count(*)::int as count from mayfly.subject_pin`
  return row.count
}

async function addPins(count: number, age: string): Promise<void> {
  await db.admin`
    insert into mayfly.subject_pin
      select sha256(convert_to(${age} || i, 'UTF8')), '', now() - ${age}::interval from generate_series(1, ${count}::int) i`
}

const backends = hasRedis ? (['postgresql', 'redis'] as const) : (['postgresql'] as const)

describe.each(backends)('on %s', backend => {
  test('jobs reach a worker through the one factory', async () => {
    const queues = createQueues(configs[backend]())
    expect(queues.backend).toBe(backend)
    const done = vi.fn()
    const worker = queues.worker('probe', async job => done(job.data))
    const queue = queues.queue('probe')
    try {
      await queue.add('job', { hello: backend })
      await vi.waitFor(() => expect(done).toHaveBeenCalledWith({ hello: backend }), { timeout: 10_000 })
    } finally {
      await Promise.all([worker.close(), queue.close()])
    }
  })

  test('the scheduled housekeeping collects what has expired and keeps what has not', async () => {
    await addPins(1_203, '2 hours')
    await addPins(3, '-2 hours')
    const worker = await startWorker(configs[backend](), logger)
    try {
      await vi.waitFor(async () => expect(await pinCount()).toBe(3), { timeout: 15_000 })
    } finally {
      await worker.close()
      await db.admin`delete from mayfly.subject_pin`
    }
  })
})

test.runIf(hasRedis)('a Redis that is gone stops no housekeeping: the hint is lost, the work is not', async () => {
  const own = await startRedis()
  const worker: RunningWorker = await startWorker({ ...configs.redis(), redisUrl: own.url }, logger)
  try {
    await own.stop()
    await addPins(5, '3 hours')
    expect((await worker.sweep()).pins).toBe(5)
  } finally {
    await worker.close()
  }
})

test('partitions of the log are made ahead', async () => {
  const worker = await startWorker(configs.postgresql(), logger)
  await worker.sweep()
  await worker.close()
  const rows = await db.admin`select 1 from pg_inherits where inhparent = 'log.body_standard'::regclass`
  expect(rows.length).toBeGreaterThanOrEqual(4)
})

test('the configuration names everything that is missing at once', () => {
  expect(() => readWorkerConfig({})).toThrow(/DATABASE_URL[\s\S]*QUEUE_DATABASE_URL[\s\S]*MAYFLY_KEK/)
})

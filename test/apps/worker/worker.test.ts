import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createLogger } from '#apps/process/logger.ts'
import { createQueues } from '#apps/process/queues.ts'
import { readWorkerConfig } from '#apps/worker/config.ts'
import { type RunningWorker, startWorker } from '#apps/worker/worker.ts'
import { newUuid } from '#core/ids/id.ts'
import { LocalKeyEncryption } from '#core/keys/key-encryption.ts'
import { orderRewrap, readRewrapStatus } from '#core/keys/rewrap.ts'
import { createTenant, createTenantKeys } from '#core/registry/tenants.ts'
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
    await worker.sweep()
    expect(await pinCount()).toBe(0)
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

describe('keys', () => {
  const kek = new LocalKeyEncryption(keyEncryptionKey)
  // A database, and with it a queue, of their own: the first round of a new schedule comes at once.
  let own: TestDatabase
  const config = () => ({ ...base(), databaseUrl: own.urls.app, redisUrl: undefined, queueDatabaseUrl: own.urls.queue })
  beforeEach(async () => {
    own = await createTestDatabase()
  })
  afterEach(() => own.close())

  /** A tenant whose keys are so old. */
  const addTenant = async (slug: string, days: number): Promise<string> => {
    const id = newUuid()
    const keys = await createTenantKeys(kek, id, Date.now())
    await own.database.db
      .forTenant(null)
      .transaction()
      .execute(trx => createTenant(trx, undefined, { id, slug, name: slug, isFirst: false, keys }, Date.now()))
    await own.admin`update mayfly.signing_key set state_since = now() - make_interval(days => ${days}) where tenant_id = ${id}`
    return id
  }
  const states = async (tenantId: string): Promise<string[]> => {
    const rows = await own.admin<{ state: string }[]>`
      select state from mayfly.signing_key where tenant_id = ${tenantId} and alg = 'ES256' order by id`
    return rows.map(({ state }) => state)
  }

  test('are rotated by the scheduled job when they are due, and not before', async () => {
    const [old, young] = [await addTenant('old', 90), await addTenant('young', 89)]
    const worker = await startWorker(config(), logger)
    try {
      await vi.waitFor(async () => expect(await states(old)).toEqual(['active', 'next']), { timeout: 15_000 })
      await worker.tendKeys()
      expect(await states(young)).toEqual(['active'])
    } finally {
      await worker.close()
    }
  })

  test('follow the days that the configuration names', async () => {
    const id = await addTenant('thirty', 30)
    const worker = await startWorker({ ...config(), signingKeyDays: 30 }, logger)
    await worker.tendKeys()
    await worker.close()
    expect(await states(id)).toEqual(['active', 'next'])
  })

  test('are sealed anew by the scheduled job when that was ordered, and then do not open with the old one alone', async () => {
    await addTenant('sealed', 0)
    const fresh = randomBytes(32)
    const both = new LocalKeyEncryption(fresh, [keyEncryptionKey])
    await own.database.db
      .forTenant(null)
      .transaction()
      .execute(trx => orderRewrap(trx, both, {}, Date.now()))
    const settings = { keyEncryptionKey: fresh, previousKeyEncryptionKeys: [keyEncryptionKey] }
    const worker = await startWorker({ ...config(), ...settings }, logger)
    try {
      const state = async () => (await readRewrapStatus(own.database.db, both)).state
      await vi.waitFor(async () => expect(await state()).toBe('finished'), { timeout: 15_000 })
    } finally {
      await worker.close()
    }
    await expect(startWorker(config(), logger)).rejects.toMatchObject({ hint: expect.stringContaining('2 signing keys') })
  })
})

test('the configuration names everything that is missing at once', () => {
  expect(() => readWorkerConfig({})).toThrow(/DATABASE_URL[\s\S]*QUEUE_DATABASE_URL[\s\S]*MAYFLY_KEK/)
})

test('what the configuration says of tombstones and metrics is held to its bounds', () => {
  const env = { DATABASE_URL: 'postgres://x', REDIS_URL: 'redis://x', MAYFLY_KEK: Buffer.alloc(32, 1).toString('base64url') }
  expect(readWorkerConfig(env)).toMatchObject({ tombstoneDays: 90, metrics: undefined })
  expect(readWorkerConfig({ ...env, MAYFLY_TOMBSTONE_DAYS: '7', MAYFLY_METRICS_PORT: '9465' })).toMatchObject({
    tombstoneDays: 7,
    metrics: { host: '127.0.0.1', port: 9465 },
  })
  for (const wrong of [{ MAYFLY_TOMBSTONE_DAYS: '0' }, { MAYFLY_TOMBSTONE_DAYS: '1.5' }, { MAYFLY_METRICS_PORT: '70000' }])
    expect(() => readWorkerConfig({ ...env, ...wrong })).toThrow(Object.keys(wrong)[0])
})

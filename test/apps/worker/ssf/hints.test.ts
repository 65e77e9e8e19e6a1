import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createLogger } from '#apps/process/logger.ts'
import { createQueues, type QueueSettings, securityEventQueue } from '#apps/process/queues.ts'
import { type Hints, startHints } from '#apps/worker/ssf/hints.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { freePort } from '#test/setup/free-port.ts'
import { hasRedis, startRedis, type TestRedis } from '#test/setup/redis.ts'
import { PushWorld } from './push-world.ts'

let db: TestDatabase
let world: PushWorld
let redis: TestRedis | undefined
beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 4 })
  world = new PushWorld(db)
  if (hasRedis) redis = await startRedis()
})
const running: Hints[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map(hints => hints.close()))
})
afterAll(async () => {
  await world.https.close()
  await redis?.stop()
  await db.close()
})

const backends: Record<string, () => QueueSettings> = {
  postgresql: () => ({ queueDatabaseUrl: db.urls.queue }),
  ...(hasRedis && { redis: () => ({ redisUrl: redis!.url }) }),
}
const logLines: string[] = []
function start(settings: QueueSettings, tick: () => Promise<void>): void {
  const logger = createLogger('worker', 'info', line => logLines.push(line))
  running.push(startHints({ database: db.database, queues: createQueues(settings), logger, tick }))
}
const to = { url: 'https://localhost:1/', caPem: '' }

describe.each(Object.entries(backends))('a hint on %s', (_, settings) => {
  test('reaches a worker when the tenant of a stream has revoked something', async () => {
    const tenantId = await world.tenant()
    await world.stream(tenantId, to)
    const ticks = [vi.fn(async () => {}), vi.fn(async () => {})]
    for (const tick of ticks) start(settings(), tick)
    const told = (): number => ticks.reduce((sum, tick) => sum + tick.mock.calls.length, 0)
    // Until both listen nobody has heard of anything.
    await vi.waitFor(async () => {
      await world.revokeTokens(tenantId, 1)
      expect(told()).toBeGreaterThan(0)
    }, 10_000)
  })

  test('is not given for a stream that is polled, nor for one of another tenant', async () => {
    const [polled, pushed] = [await world.tenant(), await world.tenant()]
    await world.stream(polled, undefined)
    await world.stream(pushed, to)
    const queues = createQueues(settings())
    const queue = queues.queue(securityEventQueue)
    const names: string[] = []
    const worker = queues.worker(securityEventQueue, async job => {
      names.push(job.data.stream)
    })
    start(settings(), async () => {})
    await vi.waitFor(async () => {
      await world.revokeTokens(polled, 1)
      await world.revokeTokens(pushed, 1)
      expect(names.length).toBeGreaterThan(0)
    }, 10_000)
    const [own] = await db.admin`select id from mayfly.ssf_stream where tenant_id = ${pushed}`
    expect(new Set(names)).toEqual(new Set([own!['id']]))
    await Promise.all([worker.close(), queue.close()])
  })
})

test('a queue that is gone costs the hint and nothing else', async () => {
  const tenantId = await world.tenant()
  await world.stream(tenantId, to)
  logLines.length = 0
  start({ redisUrl: `redis://127.0.0.1:${await freePort()}` }, async () => {})
  await vi.waitFor(async () => {
    await world.revokeTokens(tenantId, 1)
    expect(logLines.join()).toContain('they are sent within a second all the same')
  }, 10_000)
})

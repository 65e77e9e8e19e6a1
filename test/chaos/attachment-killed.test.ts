// The broker is killed while it makes something outside for an account. Whatever it had come to, nothing is left of it but what
// the account has; and who asks again gets it.

import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLogger } from '#apps/process/logger.ts'
import { type RunningWorker, startWorker } from '#apps/worker/worker.ts'
import { everythingInside } from '#core/outbound/address-rules.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { endLeases } from '#test/setup/outside.ts'
import { hasRedis, startRedis, type TestRedis } from '#test/setup/redis.ts'
import type { Answer } from '#test/setup/registration.ts'
import { type Rig, startRig } from './rig/rig.ts'

const kek = randomBytes(32)
const env = { MAYFLY_KEK: kek.toString('base64url'), MAYFLY_OUTBOUND_NETWORKS: '127.0.0.0/8' }
let database: TestDatabase
let rig: Rig
let redis: TestRedis
let admin: Redis
let worker: RunningWorker
let agent: string

beforeAll(async () => {
  if (!hasRedis) return
  database = await createTestDatabase()
  redis = await startRedis()
  admin = new Redis(redis.url)
  rig = await startRig(database.urls.app, { env })
  await v1('POST', '/v1/connectors', {
    ...{ name: 'cache', kind: 'redis', scope: 'orders:read', admin: { password: 'unused' } },
    config: { host: '127.0.0.1', port: Number(new URL(redis.url).port), tls: 'off' },
  })
  const agents = await v1('GET', '/v1/agents')
  agent = agents.body.items.find(({ name }: { name: string }) => name === 'agent').id
  worker = await startWorker(
    {
      ...{ databaseUrl: database.urls.app, queueDatabaseUrl: database.urls.queue, redisUrl: undefined, logLevel: 'silent' },
      ...{ keyEncryptionKey: kek, outboundNetworks: everythingInside },
    },
    createLogger('worker', 'silent'),
  )
})
afterAll(async () => {
  await worker?.close()
  await rig?.close()
  admin?.disconnect()
  await redis?.stop()
  await database?.close()
})

/** A broker that has just come up on a busy machine turns management away for a moment. */
async function admitted(call: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await call()
    if (answer.status !== 503) return answer
    await delay(100)
  }
}
const v1 = (method: string, path: string, body?: object) => admitted(() => rig.http.v1(method, path, rig.operatorToken, body))

const users = async (): Promise<number> =>
  ((await admin.call('ACL', 'USERS')) as string[]).filter(name => name.startsWith('mf_')).length

async function open(): Promise<string> {
  const { status, body, text } = await v1('POST', '/v1/accounts', { agent })
  expect(status, text).toBe(201)
  return body.account_id
}
const attach = (account: string) => v1('POST', `/v1/accounts/${account}/attachments`, { connector: 'cache' })
const stateOf = async (account: string): Promise<string[]> => {
  const { body } = await v1('GET', `/v1/accounts/${account}/attachments`)
  return body.items.map(({ state }: { state: string }) => state)
}

describe.skipIf(!hasRedis)('F1: a broker that is killed', () => {
  test.each([
    ['attachment-begun', 0, ['torn_down']],
    ['attachment-made', 0, ['torn_down']],
    ['attachment-committed', 1, ['active']],
  ])(
    'at %s leaves no orphan and no half account',
    async (failpoint, left, states) => {
      const account = await open()
      await rig.broker.kill()
      const broker = await rig.start({ ...env, MAYFLY_FAILPOINT: failpoint })
      await expect(attach(account)).rejects.toThrow()
      expect(await broker.ended).toBe('SIGKILL')
      await endLeases(database)
      await worker.outside.drain()
      expect(await users()).toBe(left)
      await rig.start(env)
      expect(await stateOf(account)).toEqual(states)

      const again = await attach(account)
      expect([again.status, again.body?.state], again.text).toEqual([201, 'active'])
      expect(await users()).toBe(1)
      await v1('POST', `/v1/accounts/${account}/revoke`)
      await worker.reaper.drain()
      await worker.outside.drain()
      expect(await users()).toBe(0)
    },
    90_000,
  )
})

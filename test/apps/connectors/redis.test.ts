import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redisConnector } from '#apps/connectors/redis.ts'
import { createOutbound } from '#apps/outbound/outbound.ts'
import type { Access, Target } from '#core/connector/connector.ts'
import { outsideName } from '#core/connector/names.ts'
import { everythingInside } from '#core/outbound/address-rules.ts'
import { hasRedis, startRedis, type TestRedis } from '#test/setup/redis.ts'
import { targetOf } from './target.ts'

const connector = redisConnector(createOutbound({ allowed: everythingInside, ownStores: [] }), () => Date.now() / 1000)
let redis: TestRedis
let admin: Redis
const clients: Redis[] = []

beforeAll(async () => {
  if (!hasRedis) return
  redis = await startRedis()
  admin = new Redis(redis.url)
  // What docs/connectors.md says that it needs.
  const rights = ['~*', '&*', '+acl', '+client', '+scan', '+unlink']
  await admin.call('ACL', 'SETUSER', 'connector', 'on', '>connector-password', ...rights)
})
afterAll(async () => {
  for (const client of clients) client.disconnect()
  admin?.disconnect()
  await redis?.stop()
})

const target = (changes: Partial<Target> = {}): Target =>
  targetOf({
    config: { host: '127.0.0.1', port: Number(new URL(redis.url).port), user: 'connector', tls: 'off' },
    admin: { password: 'connector-password' },
    ...changes,
  })

async function signIn(access: Access): Promise<Redis> {
  const client = new Redis({
    ...{ host: String(access['host']), port: Number(access['port']) },
    ...{ username: String(access['user']), password: String(access['password']) },
    ...{ lazyConnect: true, retryStrategy: () => null, enableReadyCheck: false, maxRetriesPerRequest: 0 },
  })
  client.on('error', () => {})
  clients.push(client)
  await client.connect()
  await client.call('ACL', 'WHOAMI')
  return client
}

describe.skipIf(!hasRedis)('an attachment', () => {
  test('reads and writes below its own prefix and nowhere else', async () => {
    const one = target()
    const access = await connector.provision(one)
    const client = await signIn(access)
    const key = `${access['prefix']}note`
    await client.set(key, 'x')
    expect(await client.get(key)).toBe('x')
    await client.multi().incr(`${access['prefix']}n`).expire(`${access['prefix']}n`, 60).exec()
    await admin.set('other', 'secret')
    for (const command of [
      ['GET', 'other'],
      ['SET', 'other', 'x'],
      ['RENAME', key, 'other'],
      ['COPY', key, key, 'DB', '1'],
      ['MOVE', key, '1'],
      ['SELECT', '1'],
      ['KEYS', '*'],
      ['SCAN', '0'],
      ['RANDOMKEY'],
      ['DBSIZE'],
      ['FLUSHALL'],
      ['FLUSHDB'],
      ['CONFIG', 'GET', '*'],
      ['ACL', 'LIST'],
      ['ACL', 'SETUSER', String(access['user']), '~*'],
      ['CLIENT', 'LIST'],
      ['CLIENT', 'KILL', 'TYPE', 'normal'],
      ['CLIENT', 'TRACKING', 'ON', 'BCAST'],
      ['EVAL', 'return redis.call("GET", "other")', '0'],
      ['FUNCTION', 'LIST'],
      ['SORT', key, 'BY', 'other', 'GET', 'other'],
      ['PUBLISH', 'other', 'x'],
      ['PUBSUB', 'CHANNELS'],
      ['MONITOR'],
      ['SCRIPT', 'FLUSH'],
      ['INFO'],
      ['OBJECT', 'ENCODING', 'other'],
      ['MEMORY', 'USAGE', 'other'],
      ['PSUBSCRIBE', '*'],
    ] as const)
      await expect(client.call(command[0], ...command.slice(1)), command.join(' ')).rejects.toThrow(/NOPERM/)
    await connector.destroy(one)
  })

  test('is gone after its end: user, connections and each of its keys; those of others stay', async () => {
    const [one, other] = [target(), target()]
    const [access, others] = [await connector.provision(one), await connector.provision(other)]
    const client = await signIn(access)
    const pipeline = client.pipeline()
    for (let i = 0; i < 2_500; i++) pipeline.set(`${access['prefix']}${i}`, 'x')
    await pipeline.exec()
    await admin.set(`${others['prefix']}kept`, 'x')
    expect(await connector.destroy(one)).toEqual([
      { what: 'key', count: 2_500 },
      { what: 'user', count: 1 },
    ])
    await expect(client.get(`${access['prefix']}1`)).rejects.toThrow()
    await expect(signIn(access)).rejects.toThrow()
    expect(await admin.keys(`${access['prefix']}*`)).toEqual([])
    expect(await admin.get(`${others['prefix']}kept`)).toBe('x')
    expect(await admin.call('ACL', 'GETUSER', outsideName(one.attachmentId))).toBeNull()
    expect(await connector.destroy(one)).toEqual([])
    await connector.lock(one)
    await connector.destroy(other)
  })

  test.each(['rotate', 'lock'] as const)('after %s lets nobody in with what was given before, and keeps its keys', async step => {
    const one = target()
    const first = await connector.provision(one)
    const session = await signIn(first)
    await session.set(`${first['prefix']}note`, 'x')
    const second = await connector[step]({ ...one, rotation: 2 })
    await expect(session.get(`${first['prefix']}note`)).rejects.toThrow()
    await expect(signIn(first)).rejects.toThrow()
    if (second) expect(await (await signIn(second)).get(`${second['prefix']}note`)).toBe('x')
    expect(await admin.get(`${first['prefix']}note`)).toBe('x')
    await connector.destroy(one)
  })

  test('never shows its password to the server', async () => {
    const one = target()
    const log: string[] = []
    const monitor = await admin.duplicate().monitor()
    monitor.on('monitor', (_time: string, words: string[]) => log.push(words.join(' ')))
    const access = await connector.provision(one)
    await connector.destroy(one)
    monitor.disconnect()
    expect(log.join('\n')).not.toContain(String(access['password']))
  })
})

describe.skipIf(!hasRedis)('a connector', () => {
  test('tells a wrong password from a server that is not there', async () => {
    await expect(connector.provision(target({ admin: { password: 'wrong' } }))).rejects.toMatchObject({
      reason: 'not_authorised',
    })
    const nowhere = target({ config: { ...target().config, port: 1 } })
    await expect(connector.provision(nowhere)).rejects.toMatchObject({ reason: 'unreachable' })
  })
  test.each([{ signal: AbortSignal.abort() }, { untilMs: Date.now() - 1 }])('sends nothing once its time is over', async over => {
    const one = target(over)
    await expect(connector.provision(one)).rejects.toThrow()
    expect(await admin.call('ACL', 'GETUSER', outsideName(one.attachmentId))).toBeNull()
  })
})

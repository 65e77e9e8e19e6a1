// From a token for the issuer to something that works outside, and to its end, with a real worker and a real Redis.

import { Redis } from 'ioredis'
import { compactDecrypt, exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createLogger } from '#apps/process/logger.ts'
import { type RunningWorker, startWorker } from '#apps/worker/worker.ts'
import { everythingInside } from '#core/outbound/address-rules.ts'
import { hasRedis, startRedis, type TestRedis } from '#test/setup/redis.ts'
import { type Answer, resourceUri } from '#test/setup/registration.ts'
import { type Exchanges, exchangesOf, registerWorkload, tokenOf, type Workload } from '#test/setup/sub-agents.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { startWebhookReceiver, type WebhookReceiver } from '#test/setup/webhook-receiver.ts'

const broker = useBroker({ config: { outboundNetworks: everythingInside } })
let redis: TestRedis
let admin: Redis
let receiver: WebhookReceiver
let worker: RunningWorker
let agent: Workload
let ask: Exchanges
const workerLines: string[] = []

beforeAll(async () => {
  if (!hasRedis) return
  const { running, database } = broker
  redis = await startRedis()
  admin = new Redis(redis.url)
  receiver = await startWebhookReceiver()
  worker = await startWorker(
    {
      ...{ databaseUrl: database.urls.app, queueDatabaseUrl: database.urls.queue, redisUrl: undefined, logLevel: 'info' },
      ...{ keyEncryptionKey: running.config.keyEncryptionKey, outboundNetworks: everythingInside },
    },
    createLogger('worker', 'info', line => workerLines.push(line)),
  )
  ask = exchangesOf(running)
  agent = await registerWorkload(running, 'attaching', { ceiling: { scope: 'orders:read cache:use' } })
  await register('cache', { config: { host: '127.0.0.1', port: Number(new URL(redis.url).port), tls: 'off' } })
})
afterAll(async () => {
  await worker?.close()
  admin?.disconnect()
  await receiver?.close()
  await redis?.stop()
})

async function register(name: string, changes: object): Promise<void> {
  const body = { name, kind: 'redis', scope: 'cache:use', admin: { password: 'unused' }, ...changes }
  const answer = await broker.running.v1('POST', '/v1/connectors', body)
  if (answer.status !== 201) throw new Error(answer.text)
}

async function open(task_id: string, more = {}) {
  const { account_id } = (await ask.own(agent, { task_id, ...more })).body
  return { id: account_id as string, token: tokenOf(await ask.accountToken(agent, { account_id })) }
}

function call(method: string, path: string, token: string, body?: object, who: Workload | undefined = agent): Promise<Answer> {
  return broker.https.send(`${broker.running.config.mtlsUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    body: body && JSON.stringify(body),
    certificate: who?.certificate,
  })
}

const clientFor = (access: Record<string, string | number>): Redis =>
  new Redis({
    ...{ host: String(access['host']), port: Number(access['port']), retryStrategy: () => null, maxRetriesPerRequest: 0 },
    ...{ username: String(access['user']), password: String(access['password']), lazyConnect: true, enableReadyCheck: false },
  })

async function works(access: Record<string, string | number>): Promise<boolean> {
  const client = clientFor(access)
  client.on('error', () => {})
  try {
    await client.connect()
    await client.set(`${access['prefix']}k`, '1')
    return true
  } catch {
    return false
  } finally {
    client.disconnect()
  }
}

const users = async (): Promise<string[]> => (await admin.call('ACL', 'USERS')) as string[]
const attachmentsOf = async (account: string) =>
  (await broker.running.v1('GET', `/v1/accounts/${account}/attachments`)).body.items

describe.skipIf(!hasRedis)('an account', () => {
  test('attaches something, uses it, and completes: all of it is gone, and the receipt is in the log', async () => {
    const { id, token } = await open('attached')
    const { status, body, text, headers } = await call('POST', '/account/attachments', token, { connector: 'cache' })
    expect(status, text).toBe(201)
    expect(headers['cache-control']).toBe('no-store')
    expect(body).toMatchObject({ account: id, connector_name: 'cache', kind: 'redis', state: 'active', rotation: 1 })
    expect(await works(body.access)).toBe(true)
    expect((await call('GET', '/account/attachments', token)).body.items).toHaveLength(1)

    await call('POST', '/account/complete', token)
    await vi.waitFor(async () => expect((await attachmentsOf(id))[0].state).toBe('torn_down'), { timeout: 15_000, interval: 100 })
    expect(await works(body.access)).toBe(false)
    expect((await users()).filter(name => name.startsWith('mf_'))).toEqual([])
    expect(await admin.keys('mf:*')).toEqual([])
    const [gone] = await attachmentsOf(id)
    expect(gone.destroyed).toEqual([
      { what: 'key', count: 1 },
      { what: 'user', count: 1 },
    ])
    const [leaf] = await broker.database.admin`
      select 1 from log.entry where encode(sha256('\\x00'::bytea || convert_to(leaf, 'UTF8')), 'base64') = ${`${Buffer.from(gone.receipt, 'base64url').toString('base64')}`}`
    expect(leaf).toBeDefined()
    expect([...broker.running.logLines, ...workerLines].join()).not.toContain(body.access.password)
  })

  test('gets other access by asking again, and the first is dead', async () => {
    const { token } = await open('again')
    const first = (await call('POST', '/account/attachments', token, { connector: 'cache' })).body
    const second = (await call('POST', '/account/attachments', token, { connector: 'cache' })).body
    expect([second.id, second.rotation]).toEqual([first.id, 2])
    expect([await works(first.access), await works(second.access)]).toEqual([false, true])
  })

  test('that names a key gets its access encrypted to it', async () => {
    const { token } = await open('encrypted')
    const { publicKey, privateKey } = await generateKeyPair('ECDH-ES', { crv: 'X25519', extractable: true })
    const { body } = await call('POST', '/account/attachments', token, {
      connector: 'cache',
      encrypt_to: await exportJWK(publicKey),
    })
    expect(body.access).toBeUndefined()
    const { plaintext } = await compactDecrypt(body.access_jwe, privateKey)
    expect(await works(JSON.parse(Buffer.from(plaintext).toString()))).toBe(true)
  })

  test('ends an attachment before its own end', async () => {
    const { id, token } = await open('detached')
    const { body } = await call('POST', '/account/attachments', token, { connector: 'cache' })
    const ended = await call('DELETE', `/account/attachments/${body.id}`, token)
    expect([ended.status, ended.body.state]).toEqual([200, 'tearing_down'])
    await vi.waitFor(async () => expect((await attachmentsOf(id))[0].state).toBe('torn_down'), { timeout: 15_000, interval: 100 })
    expect(await works(body.access)).toBe(false)
  })

  test('is told of by a signed webhook when it ends and when it is torn down', async () => {
    const registered = await broker.running.v1('POST', '/v1/webhooks', {
      ...{ name: 'operations', url: receiver.url, ca_pem: receiver.caPem },
      events: ['account.completed', 'account.torn_down'],
    })
    expect(registered.status, registered.text).toBe(201)
    const { id, token } = await open('told')
    await call('POST', '/account/attachments', token, { connector: 'cache' })
    await call('POST', '/account/complete', token)
    const told = () => receiver.calls.filter(({ body }) => body.data['account'] === id).map(({ body }) => body.type)
    await vi.waitFor(() => expect(told().toSorted()).toEqual(['account.completed', 'account.torn_down']), {
      timeout: 15_000,
      interval: 100,
    })
  })
})

describe.skipIf(!hasRedis)('nothing is attached', () => {
  test('by a token that is bound to no key', async () => {
    const { running } = broker
    const form = running.form({ subject_token: running.mint({ sub: 'bearer-workload', runId: 'b' }) })
    const opened = await running.token(form)
    expect(opened.status, opened.text).toBe(200)
    const mine = await running.token({ ...form, resource: running.issuer, scope: 'account', account_id: opened.body.account_id })
    const answer = await call('POST', '/account/attachments', tokenOf(mine), { connector: 'cache' }, undefined)
    expect([answer.status, answer.body.detail]).toEqual([403, expect.stringContaining('bound to a key')])
  })

  test('by a token for a resource, or by a token of an account that has ended', async () => {
    const { token } = await open('over')
    const foreign = tokenOf(await ask.own(agent, { task_id: 'over', resource: resourceUri }))
    expect((await call('POST', '/account/attachments', foreign, { connector: 'cache' })).status).toBe(401)
    await call('POST', '/account/complete', token)
    expect((await call('POST', '/account/attachments', token, { connector: 'cache' })).status).toBe(401)
  })

  test('that the ceiling does not hold, that there is not, or in a body that is none', async () => {
    await register('other', { scope: 'other:use', config: { host: '127.0.0.1', port: 1, tls: 'off' } })
    const { token } = await open('bad')
    expect((await call('POST', '/account/attachments', token, { connector: 'other' })).status).toBe(403)
    expect((await call('POST', '/account/attachments', token, { connector: 'nothing' })).status).toBe(404)
    expect((await call('POST', '/account/attachments', token, { connector: 5 })).status).toBe(400)
  })

  test('26: by a connector that leads to the stores of Mayfly itself', async () => {
    const url = new URL(broker.database.urls.app)
    await register('own-store', {
      kind: 'postgres',
      config: { host: '127.0.0.1', port: Number(url.port), database: url.pathname.slice(1), user: 'postgres', tls: 'off' },
    })
    const { id, token } = await open('inside')
    const answer = await call('POST', '/account/attachments', token, { connector: 'own-store' })
    expect([answer.status, answer.body.detail]).toEqual([502, expect.stringContaining('address_refused')])
    expect((await attachmentsOf(id))[0].state).not.toBe('active')
  })
})

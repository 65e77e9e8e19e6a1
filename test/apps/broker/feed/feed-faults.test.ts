// What becomes of streams when something between them and the truth fails.

import { randomBytes, randomUUID } from 'node:crypto'
import postgres, { type Sql } from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { parseId } from '#core/ids/id.ts'
import { type FeedReading, readFeed } from '../../../setup/feed-reader.ts'
import { freePort } from '../../../setup/free-port.ts'
import { revokeTokens } from '../../../setup/revocations.ts'
import { useBroker } from '../../../setup/use-broker.ts'

const metricsPort = await freePort()
const used = useBroker({ config: { feedStreams: 3, metricsPort } })

const open: FeedReading[] = []
afterEach(async () => {
  for (const reading of open.splice(0)) reading.close()
  await expect.poll(() => used.running.broker.deps.feed.hub.openStreams, { timeout: 10_000 }).toBe(0)
})

const tenantId = (): string => parseId('tenant', used.running.ids.tenant)!
const authorization = (): string => `Bearer ${used.running.resourceSecrets.pop}`
const get = (path: string) => used.https.send(`${used.running.issuer}${path}`, { headers: { authorization: authorization() } })

async function position(): Promise<{ shard: string; epoch: number }> {
  const { body } = await get('/v1/feed/snapshot')
  return body
}

async function read(since?: string): Promise<FeedReading> {
  const { shard, epoch } = since === undefined ? await position() : { shard: '', epoch: 0 }
  const reading = await readFeed({
    url: `${used.running.issuer}/v1/feed?since=${since ?? `${shard}.${epoch}`}`,
    caPem: used.running.ca.certificatePem,
    secret: used.running.resourceSecrets.pop,
  })
  open.push(reading)
  return reading
}

/** Commits an entry of which nobody is told. */
async function revokeSilently(): Promise<void> {
  await used.database.admin.begin(async trx => {
    await trx`update mayfly.feed set epoch = epoch + 1 where tenant_id = ${tenantId()}`
    await trx`insert into mayfly.revocation (tenant_id, epoch, id, at, kind, subject, match, until, cause)
      select tenant_id, epoch, ${randomUUID()}, now(), 'j', 'at_silent', ${randomBytes(16)}, now() + interval '5 minutes', 'token'
        from mayfly.feed where tenant_id = ${tenantId()}`
  })
}

/** Within the two seconds that a stream may go on unread, and what the check and a busy machine add. */
const closedWithinMs = 3_500

describe('notifications', () => {
  test('that are lost cost a second: the heartbeat finds what they did not tell of', async () => {
    const reading = await read()
    await reading.next('heartbeat')
    const began = performance.now()
    await revokeSilently()
    const found = await reading.next('entries')
    expect(found.data.entries).toHaveLength(1)
    expect(found.atMs - began).toBeLessThan(2_500)
    await expect.poll(() => metric('mayfly_feed_missed_notifications_total'), { timeout: 5_000 }).toBe(1)
  })

  test('are heard again after the connection that listens was lost', async () => {
    const reading = await read()
    await reading.next('heartbeat')
    await used.database.admin`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query ilike 'listen%mayfly_feed%'`
    const listening = async () => {
      const rows = await used.database.admin`select 1 from pg_stat_activity
        where datname = current_database() and query ilike 'listen%mayfly_feed%'`
      return rows.length
    }
    await expect.poll(listening, { timeout: 10_000 }).toBe(1)
    const seen = reading.events.length
    await revokeTokens(used.database.database, tenantId())
    await reading.next('entries', seen)
    expect(reading.hasEnded).toBe(false)
  })
})

describe('a database', () => {
  let server: Sql
  beforeAll(() => {
    server = postgres(inject('adminUrl'), { max: 1, onnotice: () => {} })
  })
  afterAll(() => server.end())

  /** Takes this broker's database away; what is returned gives it back. */
  async function takeAway(): Promise<() => Promise<unknown>> {
    const name = new URL(used.database.urls.admin).pathname.slice(1)
    await server`alter database ${server(name)} connection limit 0`
    await server`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name} and usename = 'mayfly_app'`
    return () => server`alter database ${server(name)} connection limit -1`
  }

  test('that is gone closes the streams within two seconds and opens none; they go on where they were when it is back', async () => {
    const { shard, epoch } = await position()
    const reading = await read(`${shard}.${epoch}`)
    await reading.next('heartbeat')
    const began = performance.now()
    const giveBack = await takeAway()
    try {
      await reading.ended()
      expect(performance.now() - began).toBeLessThan(closedWithinMs)
      const answer = await get(`/v1/feed?since=${shard}.${epoch}`)
      expect(answer.status).toBe(503)
      expect(answer.headers['retry-after']).toBeDefined()
    } finally {
      await giveBack()
    }
    await expect.poll(async () => (await get('/v1/feed/snapshot')).status, { timeout: 10_000 }).toBe(200)
    await revokeSilently()
    const again = await read(`${shard}.${epoch}`)
    expect((await again.next('entries')).data).toMatchObject({ from: epoch + 1, to: epoch + 1 })
  })

  test('that hangs closes them too', async () => {
    const reading = await read()
    await reading.next('heartbeat')
    const began = performance.now()
    await used.database.admin.begin(async trx => {
      await trx`lock table mayfly.feed in access exclusive mode`
      await reading.ended()
      expect(performance.now() - began).toBeLessThan(closedWithinMs)
    })
    await expect.poll(async () => (await get('/v1/feed/snapshot')).status, { timeout: 10_000 }).toBe(200)
    await (await read()).next('heartbeat')
  })

  test('that was restored to another shard makes every guard take a new snapshot', async () => {
    const reading = await read()
    await reading.next('heartbeat')
    await used.database.admin`update mayfly.feed set shard = gen_random_uuid() where tenant_id = ${tenantId()}`
    await reading.ended()
    expect(reading.events.at(-1)!.event).toBe('reset')
  })
})

describe('places', () => {
  test('that are all taken are 503 with a time to come back, for who has as many as anybody', async () => {
    const { shard, epoch } = await position()
    for (let count = 0; count < 3; count++) await read(`${shard}.${epoch}`)
    const answer = await get(`/v1/feed?since=${shard}.${epoch}`)
    expect(answer.status).toBe(503)
    expect(answer.headers['retry-after']).toBe('5')
    expect(await metric('mayfly_feed_streams')).toBe(3)
    open.pop()!.close()
    await expect.poll(() => used.running.broker.deps.feed.hub.openStreams, { timeout: 10_000 }).toBe(2)
    await (await read(`${shard}.${epoch}`)).next('heartbeat')
  })
})

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

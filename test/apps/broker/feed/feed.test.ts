import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { parseId } from '#core/ids/id.ts'
import { matchOf } from '#core/revocation/entry.ts'
import { receiversOf } from '#db/feed/receivers.ts'
import { type FeedReading, readFeed } from '../../../setup/feed-reader.ts'
import { revokeTokens } from '../../../setup/revocations.ts'
import { createOtherTenant } from '../../../setup/second-tenant.ts'
import { useBroker } from '../../../setup/use-broker.ts'

const used = useBroker()

/** On a busy machine things take their time. */
const patiently = { timeout: 10_000, interval: 20 }

const open: FeedReading[] = []
afterEach(() => {
  for (const reading of open.splice(0)) reading.close()
})

const tenantId = (): string => parseId('tenant', used.running.ids.tenant)!
const secret = (): string => used.running.resourceSecrets.pop

interface Snapshot {
  readonly shard: string
  readonly epoch: number
  readonly time: number
  readonly entries: string[]
}

async function snapshot(bearer = secret()): Promise<Snapshot> {
  const url = `${used.running.issuer}/v1/feed/snapshot`
  const answer = await used.https.send(url, { headers: { authorization: `Bearer ${bearer}` } })
  expect(answer.status).toBe(200)
  return answer.body
}

async function read(since: string, more: { lastEventId?: string; bearer?: string } = {}): Promise<FeedReading> {
  const reading = await readFeed({
    url: `${used.running.issuer}/v1/feed?since=${since}`,
    caPem: used.running.ca.certificatePem,
    secret: more.bearer ?? secret(),
    ...(more.lastEventId !== undefined && { lastEventId: more.lastEventId }),
  })
  open.push(reading)
  return reading
}

const revoke = (count?: number, untilSeconds?: number) => revokeTokens(used.database.database, tenantId(), count, untilSeconds)
const begins = (token: string): string => `j${matchOf(token).toString('base64url')}..`
const describes = (entries: readonly string[], tokens: readonly string[]): void =>
  expect(entries.map(entry => entry.slice(0, 25))).toEqual(tokens.map(begins))

describe('a snapshot', () => {
  test('holds everything that may still match a token, and says as of when', async () => {
    const before = await snapshot()
    const [token] = await revoke()
    const after = await snapshot()
    expect(after).toMatchObject({ shard: before.shard, epoch: before.epoch + 1 })
    expect(after.entries.at(-1)).toMatch(/^j[\w-]{22}\.\.\d{10}$/)
    describes([after.entries.at(-1)!], [token!])
    expect(Math.abs(after.time - Date.now())).toBeLessThan(2_000)
    expect(after.time).toBeGreaterThan(before.time)
  })

  test('leaves out what no token can match any more, and counts it', async () => {
    const before = await snapshot()
    await revoke(3, Date.now() / 1000 - 60)
    const after = await snapshot()
    expect(after.epoch).toBe(before.epoch + 3)
    expect(after.entries).toEqual(before.entries)
  })
})

describe('a stream', () => {
  test('begins with what was missed, then says the time, then tells of each revocation as it commits', async () => {
    const { shard, epoch } = await snapshot()
    const missed = await revoke(2)
    const reading = await read(`${shard}.${epoch}`)
    expect(reading.status).toBe(200)
    expect(reading.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    const first = await reading.next('entries')
    expect(first).toMatchObject({ id: `${shard}.${epoch + 2}`, data: { from: epoch + 1, to: epoch + 2 } })
    describes(first.data.entries, missed)
    const beat = await reading.next('heartbeat')
    expect(reading.events.indexOf(beat)).toBe(1)
    expect(beat.data.epoch).toBe(epoch + 2)
    expect(Math.abs(beat.data.time - Date.now())).toBeLessThan(2_000)

    const seen = reading.events.length
    const revokedMs = performance.now()
    const [token] = await revoke()
    const live = await reading.next('entries', seen)
    expect(live.atMs - revokedMs).toBeLessThan(900)
    expect(live.data).toMatchObject({ from: epoch + 3, to: epoch + 3 })
    describes(live.data.entries, [token!])
  })

  test('has a heartbeat each second, never of an epoch that it has not told of', async () => {
    const { shard, epoch } = await snapshot()
    const reading = await read(`${shard}.${epoch}`)
    await revoke()
    await expect
      .poll(() => reading.events.filter(({ event }) => event === 'heartbeat').length, { timeout: 8_000 })
      .toBeGreaterThan(3)
    const beats = reading.events.filter(({ event }) => event === 'heartbeat')
    for (const [index, beat] of beats.entries()) {
      const before = reading.events.slice(0, reading.events.indexOf(beat)).findLast(({ event }) => event === 'entries')
      expect(beat.data.epoch).toBeLessThanOrEqual(before?.data.to ?? epoch)
      if (index > 1) expect(beat.atMs - beats[index - 1]!.atMs).toBeLessThan(2_000)
    }
    expect(beats.at(-1)!.data.epoch).toBe(epoch + 1)
  })

  test('goes on from Last-Event-ID, which wins over since, without gap or repetition', async () => {
    const { shard, epoch } = await snapshot()
    const tokens = await revoke(3)
    const reading = await read(`${shard}.${epoch}`, { lastEventId: `${shard}.${epoch + 1}` })
    const first = await reading.next('entries')
    expect(first.data).toMatchObject({ from: epoch + 2, to: epoch + 3 })
    describes(first.data.entries, tokens.slice(1))
  })

  test('tells readers who join in the midst of it the same, each epoch once and in order', async () => {
    const { shard, epoch } = await snapshot()
    const told: string[] = []
    const readings: FeedReading[] = []
    for (let round = 0; round < 12; round++) {
      const revoking = revoke(1 + (round % 3))
      if (round % 2 === 0) readings.push(await read(`${shard}.${epoch}`))
      told.push(...(await revoking))
    }
    for (const reading of readings) {
      await expect.poll(() => reading.entries().length, patiently).toBe(told.length)
      describes(reading.entries(), told)
      let at = epoch
      for (const { event, data, id } of reading.events) {
        if (event !== 'entries') continue
        expect(data.from).toBe(at + 1)
        at = data.to
        expect(id).toBe(`${shard}.${at}`)
      }
    }
  })

  test('sends those away to take a snapshot who know another shard, or more than there is', async () => {
    const { shard, epoch } = await snapshot()
    for (const since of [`${randomUUID()}.${epoch}`, `${shard}.${epoch + 1}`]) {
      const reading = await read(since)
      await reading.ended()
      expect(reading.events.map(({ event, data }) => [event, data])).toEqual([['reset', {}]])
    }
  })

  test('ends for a resource whose credential was revoked, within ten seconds', { timeout: 20_000 }, async () => {
    const { running } = used
    const made = await running.v1('POST', `/v1/resources/${running.ids.resource}/credentials`, { name: 'short-lived' })
    const { shard, epoch } = await snapshot()
    const [goes, stays] = [await read(`${shard}.${epoch}`, { bearer: made.body.token }), await read(`${shard}.${epoch}`)]
    const deleted = await running.v1('DELETE', `/v1/resources/${running.ids.resource}/credentials/${made.body.id}`)
    expect(deleted.status).toBe(204)
    await goes.ended()
    expect(stays.hasEnded).toBe(false)
  })
})

describe('who may read', () => {
  const get = async (path: string, headers: Record<string, string> = {}) =>
    used.https.send(`${used.running.issuer}${path}`, { headers })

  test('nobody without a credential, no operator, no resource of another tenant', async () => {
    const other = await createOtherTenant(used.running, 'other-feed')
    for (const path of ['/v1/feed/snapshot', '/v1/feed?since=x']) {
      expect((await get(path)).status).toBe(401)
      expect((await get(path, { authorization: `Bearer ${used.running.operatorToken}` })).status).toBe(403)
      const foreign = await used.https.send(`${other.issuer}${path}`, { headers: { authorization: `Bearer ${secret()}` } })
      expect(foreign.status).toBe(403)
    }
    const body = JSON.stringify({ guard: 'g', instance: randomUUID(), shard: randomUUID(), epoch: 0 })
    const posted = { method: 'POST', body, headers: { 'content-type': 'application/json' } }
    expect((await used.https.send(`${used.running.issuer}/v1/feed/acknowledgements`, posted)).status).toBe(401)
  })

  test('only who says what it has', async () => {
    const authorization = `Bearer ${secret()}`
    for (const path of ['/v1/feed', '/v1/feed?since=7', `/v1/feed?since=${randomUUID()}.-1`, `/v1/feed?since=${randomUUID()}`]) {
      const answer = await get(path, { authorization })
      expect(answer.status, path).toBe(400)
      expect(answer.body.detail).toContain('snapshot')
    }
  })
})

describe('acknowledgements', () => {
  const acknowledge = (ack: object, bearer = secret()) =>
    used.https.send(`${used.running.issuer}/v1/feed/acknowledgements`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body: JSON.stringify(ack),
    })
  const receivers = (epoch: number) => receiversOf(used.database.database.db.forTenant(tenantId()), tenantId(), epoch)

  test('show who has come how far and how long it took, and who is waited for', async () => {
    const { shard, epoch } = await snapshot()
    const [quick, slow] = [randomUUID(), randomUUID()]
    for (const instance of [quick, slow])
      expect((await acknowledge({ guard: 'orders', instance, shard, epoch })).status).toBe(204)
    await expect
      .poll(async () => (await receivers(epoch)).acknowledged.length + (await receivers(epoch)).waiting.length, patiently)
      .toBe(0)
    await expect.poll(async () => (await receivers(epoch + 1)).waiting.length, patiently).toBe(2)
    await revoke()
    expect((await receivers(epoch + 1)).waiting.map(({ instance }) => instance).sort()).toEqual([quick, slow].sort())
    await acknowledge({ guard: 'orders', instance: quick, shard, epoch: epoch + 1 })
    await expect
      .poll(async () => (await receivers(epoch + 1)).acknowledged.map(({ instance }) => instance), patiently)
      .toEqual([quick])
    const told = await receivers(epoch + 1)
    expect(told.acknowledged[0]).toMatchObject({ name: 'orders', resourceUri: expect.stringContaining('https://') })
    expect(told.acknowledged[0]!.ms).toBeLessThan(5_000)
    expect(told.waiting.map(({ instance }) => instance)).toEqual([slow])
    await acknowledge({ guard: 'orders', instance: slow, shard, epoch, leaving: true })
    await expect.poll(async () => (await receivers(epoch + 1)).waiting, patiently).toEqual([])
  })

  test('of a resource that makes up receivers without end push out its own oldest ones, and no others', async () => {
    const { admin } = used.database
    const { shard, epoch } = await snapshot()
    const mine = randomUUID()
    await acknowledge({ guard: 'neighbour', instance: mine, shard, epoch }, used.running.resourceSecrets.once)
    await expect.poll(async () => (await admin`select from mayfly.feed_receiver where id = ${mine}`).length, patiently).toBe(1)
    await acknowledge({ guard: 'first', instance: randomUUID(), shard, epoch })
    const find = () => admin`select resource_id from mayfly.feed_receiver where name = 'first'`
    await expect.poll(async () => (await find()).length, patiently).toBe(1)
    const resourceId = (await find())[0]!['resource_id']
    await admin`insert into mayfly.feed_receiver (tenant_id, id, resource_id, name, shard, epoch, first_seen_at, seen_at)
      select ${tenantId()}, gen_random_uuid(), ${resourceId}, 'made-up', ${shard}, 0, now(), now() - i * interval '1 ms'
        from generate_series(1, 6000) i`
    const last = randomUUID()
    await acknowledge({ guard: 'last', instance: last, shard, epoch })
    const count = async () => (await admin`select from mayfly.feed_receiver where resource_id = ${resourceId}`).length
    await expect.poll(count, patiently).toBe(5000)
    const kept = await admin`select id from mayfly.feed_receiver where id in (${mine}, ${last})`
    expect(kept).toHaveLength(2)
    await admin`delete from mayfly.feed_receiver where name = 'made-up'`
  })

  test('count for no epoch that there is not, no other shard and nobody else’s instance', async () => {
    const { shard, epoch } = await snapshot()
    const [boaster, stranger, own] = [randomUUID(), randomUUID(), randomUUID()]
    await acknowledge({ guard: 'boaster', instance: boaster, shard, epoch: epoch + 1_000 })
    await acknowledge({ guard: 'stranger', instance: stranger, shard: randomUUID(), epoch })
    await acknowledge({ guard: 'own', instance: own, shard, epoch })
    await expect.poll(async () => (await receivers(epoch + 1)).waiting.map(({ name }) => name), patiently).toContain('own')
    await revoke()
    await acknowledge({ guard: 'thief', instance: own, shard, epoch: epoch + 1 }, used.running.resourceSecrets.once)
    await acknowledge({ guard: 'last', instance: randomUUID(), shard, epoch: epoch + 1 })
    const names = async () => (await used.database.admin`select name from mayfly.feed_receiver`).map(row => row['name'])
    await expect.poll(names, patiently).toContain('last')
    const { acknowledged, waiting } = await receivers(epoch + 1)
    expect(acknowledged).toEqual([])
    expect(waiting.map(({ name }) => name)).toEqual(expect.arrayContaining(['boaster', 'own']))
    expect(await names()).not.toContain('stranger')
    expect(await names()).not.toContain('thief')
  })

  test('are refused when they are no such thing', async () => {
    const fine = { guard: 'g', instance: randomUUID(), shard: randomUUID(), epoch: 0 }
    for (const wrong of [
      { guard: 'a,b' },
      { guard: '{}' },
      { instance: 'x' },
      { epoch: -1 },
      { epoch: 1.5 },
      { shard: '' },
      { more: 1 },
    ])
      expect((await acknowledge({ ...fine, ...wrong })).status, JSON.stringify(wrong)).toBe(400)
  })
})

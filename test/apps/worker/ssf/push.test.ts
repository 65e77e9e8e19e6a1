import { createLocalJWKSet, jwtVerify } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createHttpsClient } from '#apps/outbound/https.ts'
import { createOutbound } from '#apps/outbound/outbound.ts'
import { formatId } from '#core/ids/id.ts'
import { streamsAcknowledged } from '#core/ssf/acknowledged.ts'
import { credentialChange, sessionRevoked } from '#core/ssf/event-types.ts'
import { keepLateEvents, readSsfBacklog } from '#db/ssf/backlog.ts'
import { listDeadLetters, redeliverLetter } from '#db/ssf/dead-letters.ts'
import { leaseStreams } from '#db/ssf/progress.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { type SetReceiver, startSetReceiver } from '#test/setup/set-receiver.ts'
import { PushWorld } from './push-world.ts'

let db: TestDatabase
let world: PushWorld
let tenantId: string
let receiver: SetReceiver
beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 8 })
  world = new PushWorld(db)
})
afterAll(async () => {
  await world.https.close()
  await db.close()
})
beforeEach(async () => {
  receiver = await startSetReceiver()
  await db.admin`truncate mayfly.ssf_receiver cascade`
  tenantId = await world.tenant()
  world.logLines.length = 0
})
afterEach(() => receiver.close())

const subjects = (): string[] => receiver.sets.map(({ claims }) => claims.sub_id.jti)

describe('a stream that is pushed to', () => {
  test('gets what was revoked as a SET, signed RS256 with a key that the tenant shows', async () => {
    await world.stream(tenantId, receiver)
    const [id] = await world.revokeTokens(tenantId, 1)
    await world.serve()
    expect(receiver.sets).toHaveLength(1)
    const [{ jwt, headers }] = receiver.sets as [SetReceiver['sets'][number]]
    expect(headers).toMatchObject({ 'content-type': 'application/secevent+jwt', authorization: 'Bearer of-the-receiver' })
    const keys = await db.admin`select public_jwk from mayfly.signing_key where tenant_id = ${tenantId}`
    const jwks = createLocalJWKSet({ keys: keys.map(row => row['public_jwk']) })
    const options = {
      issuer: 'https://broker.example',
      audience: 'https://receiver.example',
      typ: 'secevent+jwt',
      algorithms: ['RS256'],
    }
    const { payload } = await jwtVerify(jwt, jwks, options)
    expect(payload).toMatchObject({
      sub_id: { format: 'jwt_id', iss: 'https://broker.example', jti: id },
      events: { [sessionRevoked]: { initiating_entity: 'admin', reason_admin: { en: 'The token was revoked.' } } },
    })
    expect(payload).not.toHaveProperty('sub')
    expect(payload).not.toHaveProperty('exp')
  })

  test('gets them in the order of the feed, and each once', async () => {
    const { id } = await world.stream(tenantId, receiver)
    const ids = await world.revokeTokens(tenantId, 12)
    await world.serve()
    await world.serve()
    expect(subjects()).toEqual(ids)
    expect(await world.state(id)).toMatchObject({ cursor: 12, ahead: [], leased: false })
  })

  test('gets each once and in order from two workers that are busy at the same time', async () => {
    await world.stream(tenantId, receiver)
    const workers = [world.sender(), world.sender()]
    const ids: string[] = []
    for (let round = 0; round < 5; round++) {
      const [more] = await Promise.all([world.revokeTokens(tenantId, 8), ...workers.map(worker => worker.tick())])
      ids.push(...more)
    }
    await world.serve()
    expect(subjects()).toEqual(ids)
  })

  test('gets what it asked for, and passes over the rest', async () => {
    const { id } = await world.stream(tenantId, receiver, { events_requested: [credentialChange] })
    await world.revokeTokens(tenantId, 2)
    await world.revoke(tenantId, 'k', 'a-key')
    await world.revokeTokens(tenantId, 1)
    await world.serve()
    expect(receiver.sets.map(({ claims }) => Object.keys(claims.events))).toEqual([[credentialChange]])
    expect(await world.state(id)).toMatchObject({ cursor: 4 })
  })

  test('begins with what is in force still', async () => {
    const before = await world.revokeTokens(tenantId, 2)
    await db.admin`update mayfly.revocation set until = now() - interval '1 second' where tenant_id = ${tenantId} and epoch = 1`
    await world.stream(tenantId, receiver)
    await world.serve()
    expect(subjects()).toEqual(before.slice(1))
  })

  test('hears nothing of another tenant', async () => {
    await world.stream(tenantId, receiver)
    await world.revokeTokens(await world.tenant(), 3)
    await world.serve()
    expect(receiver.sets).toEqual([])
  })

  test('of a feed that was restored from a backup hears all that is in it, under other names', async () => {
    const { id } = await world.stream(tenantId, receiver)
    await world.revokeTokens(tenantId, 2)
    await world.serve()
    await db.admin`update mayfly.feed set shard = gen_random_uuid() where tenant_id = ${tenantId}`
    await world.serve()
    expect(new Set(receiver.sets.map(({ claims }) => claims.jti)).size).toBe(4)
    expect(new Set(subjects()).size).toBe(2)
    expect(await world.state(id)).toMatchObject({ cursor: 2 })
  })

  test('is acknowledged from when its receiver has taken it', async () => {
    const [one, other] = [await world.stream(tenantId, receiver), await world.stream(tenantId, undefined)]
    await world.revokeTokens(tenantId, 2)
    expect((await streamsAcknowledged(db.database.db, tenantId, 2)).waiting.map(({ instance }) => instance).sort()).toEqual(
      [one.id, other.id].map(id => formatId('stream', id)).sort(),
    )
    const before = Date.now()
    await world.serve()
    const { acknowledged, waiting } = await streamsAcknowledged(db.database.db, tenantId, 1)
    expect(acknowledged).toMatchObject([{ instance: formatId('stream', one.id) }])
    expect(acknowledged[0]!.at.getTime()).toBeGreaterThan(before - 1_000)
    expect(waiting).toMatchObject([{ instance: formatId('stream', other.id), status: 'enabled', seenAt: null }])
  })
})

describe('F18: a receiver', () => {
  test('that fails gets the same SET again, later and later, then the rest in order', async () => {
    const { id } = await world.stream(tenantId, receiver)
    const ids = await world.revokeTokens(tenantId, 3)
    receiver.answer = () => ({ status: 500 })
    for (let attempt = 1; attempt <= 3; attempt++) {
      await world.serve()
      expect(await world.state(id)).toMatchObject({ cursor: 0, failures: attempt, failure: 'answered', failure_status: 500 })
      await world.serve()
      expect(receiver.sets).toHaveLength(attempt)
      await world.releaseHolds()
    }
    receiver.answer = () => ({ status: 202 })
    await world.serve()
    expect(subjects()).toEqual([ids[0], ids[0], ids[0], ...ids])
    expect(new Set(receiver.sets.slice(0, 4).map(({ claims }) => JSON.stringify(claims))).size).toBe(1)
    expect(await world.state(id)).toMatchObject({ cursor: 3, failures: 0, failure: null })
  })

  test('that is slow holds up no other tenant, and no other stream of its own', async () => {
    const slow = await startSetReceiver()
    const held = Promise.withResolvers<{ status: number }>()
    slow.answer = () => held.promise
    const other = await world.tenant()
    await world.stream(tenantId, slow)
    await world.stream(tenantId, receiver)
    await world.stream(other, receiver)
    await world.revokeTokens(tenantId, 5)
    await world.revokeTokens(other, 5)
    const draining = world.serve()
    await vi.waitFor(() => expect([receiver.sets.length, slow.sets.length]).toEqual([10, 1]), { timeout: 8_000 })
    held.resolve({ status: 202 })
    await draining
    expect(slow.sets).toHaveLength(5)
    await slow.close()
  })

  test('whose streams all hang takes no more than its tenant’s part, however many workers there are', async () => {
    const other = await world.tenant()
    for (let i = 0; i < 10; i++) await world.stream(tenantId, receiver)
    await world.stream(other, receiver)
    await world.revokeTokens(tenantId, 1)
    await world.revokeTokens(other, 1)
    const leased = await leaseStreams(db.database.sql, { limit: 64, each: 8, leaseSeconds: 30, busy: [] })
    expect(leased.filter(stream => stream.tenantId === tenantId)).toHaveLength(8)
    expect(leased.filter(stream => stream.tenantId === other)).toHaveLength(1)
    const again = await leaseStreams(db.database.sql, { limit: 64, each: 8, leaseSeconds: 30, busy: Array(8).fill(tenantId) })
    expect(again).toEqual([])
  })

  test('is pushed to by one worker at a time, whose death costs a repetition and no loss', async () => {
    const { id } = await world.stream(tenantId, receiver)
    const ids = await world.revokeTokens(tenantId, 2)
    const [dead] = await leaseStreams(db.database.sql, { limit: 1, each: 1, leaseSeconds: 30, busy: [] })
    expect(dead).toMatchObject({ id })
    world.leasedElsewhere = 1
    await world.serve()
    expect(receiver.sets).toEqual([])
    await db.admin`update mayfly.ssf_stream set leased_until = now()`
    world.leasedElsewhere = 0
    await world.serve()
    expect(subjects()).toEqual(ids)
  })

  test('that asks to wait is waited for', async () => {
    await world.stream(tenantId, receiver)
    await world.revokeTokens(tenantId, 1)
    receiver.answer = () => ({ status: 429, headers: { 'retry-after': '60' } })
    await world.serve()
    const [row] = await db.admin`select hold_until > now() + interval '55 seconds' as waits from mayfly.ssf_stream`
    expect(row!['waits']).toBe(true)
  })

  test('that refuses a SET for good has it set aside, gets the next ones, and that one again when somebody says so', async () => {
    const { id } = await world.stream(tenantId, receiver)
    const ids = await world.revokeTokens(tenantId, 3)
    receiver.answer = ({ claims }) =>
      claims.sub_id.jti === ids[1]
        ? { status: 400, body: { err: 'invalid_request', description: 'no\u202e thanks' } }
        : { status: 202 }
    await world.serve()
    expect(subjects()).toEqual(ids)
    expect(await world.state(id)).toMatchObject({ cursor: 3, failures: 0 })
    expect(await readSsfBacklog(db.database.sql)).toMatchObject({ enabled: 1, failing: 0, waiting: 0, deadLetters: 1 })
    const [letter] = await listDeadLetters(world.dbOf(tenantId), id, { limit: 10, afterId: undefined })
    expect(letter).toMatchObject({ epoch: 2, err: 'invalid_request', description: 'no  thanks', event: { subject: ids[1] } })
    receiver.answer = () => ({ status: 202 })
    await world
      .dbOf(tenantId)
      .transaction()
      .execute(trx => redeliverLetter(trx, id, letter!.id))
    await world.serve()
    expect(subjects()).toEqual([...ids, ids[1]])
    expect(receiver.sets[3]!.claims).toEqual(receiver.sets[1]!.claims)
    expect(await listDeadLetters(world.dbOf(tenantId), id, { limit: 10, afterId: undefined })).toEqual([])
  })

  test('that is away for longer than the feed remembers finds set aside what it missed', async () => {
    const { id } = await world.stream(tenantId, { url: 'https://localhost:1/', caPem: receiver.caPem })
    const ids = await world.revokeTokens(tenantId, 2)
    await world.serve()
    expect(await world.state(id)).toMatchObject({ failure: 'unreachable', failure_status: null })
    await db.admin`update mayfly.revocation set until = now() - interval '23 hours' where tenant_id = ${tenantId} and epoch = 1`
    const types = { j: sessionRevoked }
    expect(await keepLateEvents(db.database.sql, 22 * 3_600, types)).toBe(1)
    expect(await keepLateEvents(db.database.sql, 22 * 3_600, types)).toBe(0)
    await db.admin`delete from mayfly.revocation where tenant_id = ${tenantId} and epoch = 1`
    const letters = await listDeadLetters(world.dbOf(tenantId), id, { limit: 10, afterId: undefined })
    expect(letters).toMatchObject([{ epoch: 1, err: 'late', event: { subject: ids[0], epoch: 1, kind: 'j' } }])
    await db.admin`update mayfly.ssf_stream set endpoint_url = ${receiver.url}`
    await world.releaseHolds()
    await world.serve()
    expect(subjects()).toEqual([ids[1]])
    expect(await world.state(id)).toMatchObject({ cursor: 2 })
    await world
      .dbOf(tenantId)
      .transaction()
      .execute(trx => redeliverLetter(trx, id, letters[0]!.id))
    await world.serve()
    expect(subjects()).toEqual([ids[1], ids[0]])
  })
})

test('26: a stream at an inner address is sent nothing', async () => {
  const strict = createHttpsClient(createOutbound({ allowed: [], ownStores: [] }), { timeoutMs: 2_000, connections: 1 })
  const { id } = await world.stream(tenantId, receiver)
  await world.revokeTokens(tenantId, 1)
  await world.serve(world.sender(strict))
  expect(receiver.sets).toEqual([])
  expect(await world.state(id)).toMatchObject({ failure: 'address_refused', cursor: 0 })
  await strict.close()
})

test('28: neither what a receiver is sent as Authorization nor its URL nor a SET stands in the log', async () => {
  const { secret } = await world.stream(tenantId, { ...receiver, url: `${receiver.url}?token=abc` })
  await world.revokeTokens(tenantId, 1)
  receiver.answer = () => ({ status: 400, body: { err: 'invalid_request' } })
  await world.serve()
  receiver.answer = () => ({ status: 500 })
  await world.revokeTokens(tenantId, 1)
  await world.serve()
  expect(world.logLines.length).toBeGreaterThan(1)
  expect(world.logLines.join()).not.toMatch(/of-the-receiver|token=abc|eyJ/)
  const rows =
    await db.admin`select s::text || c::text as t from mayfly.ssf_stream s join mayfly.ssf_receiver c on c.id = s.receiver_id`
  expect(JSON.stringify(rows)).not.toMatch(/of-the-receiver/)
  expect(JSON.stringify(rows)).not.toContain(secret)
})

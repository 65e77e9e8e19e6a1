import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { formatId } from '#core/ids/id.ts'
import { streamUpdated, verification } from '#core/ssf/event-types.ts'
import { setStreamStatus, verifyStream } from '#core/ssf/stream-state.ts'
import { changeStream } from '#core/ssf/streams.ts'
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

describe('a stream', () => {
  const operator = { operator: { actor: 'crd_01900000000070008000000000000000', actor_role: 'tenant-admin' } } as const
  const setStatus = (id: string, status: 'enabled' | 'paused' | 'disabled') =>
    world
      .dbOf(tenantId)
      .transaction()
      .execute(trx => setStreamStatus(trx, { id, tenantId }, { status, reason: null }, operator, Date.now()))

  test('that is paused by an operator says so, sends nothing else, and loses nothing', async () => {
    const { id } = await world.stream(tenantId, receiver)
    await setStatus(id, 'paused')
    const ids = await world.revokeTokens(tenantId, 2)
    await world.serve()
    expect(receiver.sets.map(({ claims }) => claims.events)).toEqual([{ [streamUpdated]: { status: 'paused' } }])
    expect(receiver.sets[0]!.claims.sub_id).toEqual({ format: 'opaque', id: formatId('stream', id) })
    await setStatus(id, 'enabled')
    await world.serve()
    expect(subjects().slice(2)).toEqual(ids)
  })

  test('that is disabled is not sent what happened meanwhile', async () => {
    const { id } = await world.stream(tenantId, receiver)
    await setStatus(id, 'disabled')
    await world.revokeTokens(tenantId, 2)
    await setStatus(id, 'enabled')
    const ids = await world.revokeTokens(tenantId, 1)
    await world.serve()
    expect(subjects().filter(Boolean)).toEqual(ids)
  })

  test('is verified when its receiver asks, but not all the time', async () => {
    const { id, caller } = await world.stream(tenantId, receiver)
    const verify = (state: string) =>
      world
        .dbOf(tenantId)
        .transaction()
        .execute(trx => verifyStream(trx, caller, id, state, Date.now()))
    await verify('one')
    await expect(verify('two')).rejects.toMatchObject({ code: 'too_many_requests' })
    await world.serve()
    await world.serve()
    expect(receiver.sets.map(({ claims }) => claims.events)).toEqual([{ [verification]: { state: 'one' } }])
  })

  test('sends its Authorization to no URL that it did not come with', async () => {
    const elsewhere = await startSetReceiver()
    const { id, by } = await world.stream(tenantId, receiver)
    const move = (url: string) =>
      world
        .dbOf(tenantId)
        .transaction()
        .execute(trx => changeStream(trx, by, id, { delivery: { method: 'urn:ietf:rfc:8935', endpoint_url: url } }, 'patch'))
    await move(receiver.url)
    await world.revokeTokens(tenantId, 1)
    await world.serve()
    expect(receiver.sets[0]!.headers['authorization']).toBe('Bearer of-the-receiver')
    await db.admin`update mayfly.ssf_receiver set ca_pem = ${elsewhere.caPem}`
    await move(elsewhere.url)
    await world.revokeTokens(tenantId, 1)
    await world.serve()
    expect(elsewhere.sets).toHaveLength(1)
    expect(elsewhere.sets[0]!.headers['authorization']).toBeUndefined()
    await elsewhere.close()
  })
})

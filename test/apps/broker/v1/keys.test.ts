import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LocalKeyEncryption } from '#core/keys/key-encryption.ts'
import { rewrapKeys } from '#core/keys/rewrap.ts'
import { rotateDueKeys } from '#core/keys/rotation/rotate-due.ts'
import { rotatingUses } from '#core/keys/rotation/rotating-use.ts'
import { signingKeyTimes } from '#core/keys/rotation/times.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { bootstrap, type Management, type Operators, startManagement } from './management.ts'

let api: Management
let who: Operators
beforeAll(async () => {
  api = await startManagement()
  who = await bootstrap(api)
})
afterAll(() => api.close())

interface Key {
  readonly kid: string
  readonly alg: string
  readonly state: string
  readonly since: string
  readonly next_step?: { readonly step: string; readonly at: string }
}

const times = signingKeyTimes()
const keys = async (token = who.tenantAdmin): Promise<Key[]> => (await api.call('GET', '/v1/keys', token)).body.items
const rotate = (body: unknown, token = who.tenantAdmin) => api.call('POST', '/v1/keys/rotate', token, body)
const lastEvents = async (count: number) =>
  (await readLog(api.admin)).slice(-count).map(({ leaf, body }) => ({ type: leaf.type, ...body }))
const inSeconds = (key: Key) => (Date.parse(key.next_step!.at) - Date.parse(key.since)) / 1000

describe('the list of keys', () => {
  test('shows each key with what happens to it next, to administrators and auditors, and no private part', async () => {
    const list = await keys()
    expect(list.map(({ alg, state }) => [alg, state]).sort()).toEqual([
      ['ES256', 'active'],
      ['RS256', 'active'],
    ])
    for (const key of list) {
      expect(key.next_step!.step).toBe('publish_successor')
      expect(inSeconds(key)).toBe(times.lifeSeconds - times.aheadSeconds)
      expect(Object.keys(key).sort()).toEqual(['alg', 'created_at', 'id', 'kid', 'next_step', 'since', 'state', 'use'])
    }
    expect(await keys(who.auditor)).toEqual(list)
  })

  test("shows a tenant's own keys only, page by page", async () => {
    const [own, other] = [await keys(), await keys(who.otherAdmin)]
    expect(own.filter(key => other.some(({ kid }) => kid === key.kid))).toEqual([])
    const first = (await api.call('GET', '/v1/keys?limit=1', who.tenantAdmin)).body
    const second = (await api.call('GET', `/v1/keys?limit=1&cursor=${first.next_cursor}`, who.tenantAdmin)).body
    expect([...first.items, ...second.items]).toEqual(own)
    expect(second.next_cursor).toBeUndefined()
  })
})

describe('rotation by command', () => {
  test('publishes a successor, says when it signs, and does so once however often it is asked', async () => {
    const [active] = (await keys()).filter(key => key.alg === 'ES256')
    const answer = await rotate({ use: 'signing', alg: 'ES256' })
    expect(answer.status).toBe(200)
    const [next] = answer.body.keys.filter((key: Key) => key.state === 'next') as Key[]
    expect(next!.next_step!.step).toBe('activate')
    expect(inSeconds(next!)).toBe(times.aheadSeconds)
    expect(answer.body.notice).toContain(next!.next_step!.at)
    expect(answer.body.keys.find((key: Key) => key.kid === active!.kid).next_step).toEqual({
      step: 'stop_signing',
      at: next!.next_step!.at,
    })
    expect((await lastEvents(1))[0]).toMatchObject({
      type: 'signing_key.published',
      kid: next!.kid,
      alg: 'ES256',
      actor_role: 'tenant-admin',
    })
    const size = (await readLog(api.admin)).length
    const again = await rotate({ use: 'signing', alg: 'ES256' })
    expect([again.status, again.body.keys]).toEqual([200, answer.body.keys])
    expect(await readLog(api.admin)).toHaveLength(size)
  })

  test('without an algorithm rotates each', async () => {
    await rotate({ use: 'signing' }, who.otherAdmin)
    expect(
      (await keys(who.otherAdmin))
        .filter(({ state }) => state === 'next')
        .map(({ alg }) => alg)
        .sort(),
    ).toEqual(['ES256', 'RS256'])
  })

  test('is carried on by the schedule: the successor signs, the old key retires, and its private part is gone', async () => {
    const encryption = new LocalKeyEncryption(api.kek)
    const deps = { db: api.database.db, uses: rotatingUses(encryption, { signing: times }) }
    const later = Date.now() + (times.aheadSeconds + 60) * 1000
    const round = await rotateDueKeys(deps, later)
    expect(round).toMatchObject({ published: 0, activated: 3, retired: 0, failures: [] })
    const states = async () => (await keys()).filter(({ alg }) => alg === 'ES256').map(({ state }) => state)
    expect(await states()).toEqual(['retiring', 'active'])
    const retiring = (await keys()).find(({ state }) => state === 'retiring')!
    expect([retiring.next_step!.step, inSeconds(retiring)]).toEqual(['retire', times.retiringSeconds])
    await rotateDueKeys(deps, later + times.retiringSeconds * 1000)
    expect(await states()).toEqual(['retired', 'active'])
    const [row] = await api.admin`select private_sealed, kek_id from mayfly.signing_key where kid = ${retiring.kid}`
    expect(row).toEqual({ private_sealed: null, kek_id: null })
  })
})

describe('an emergency rotation', () => {
  test('retires every key of the algorithm at once, the one to come too, and says what that costs', async () => {
    await rotate({ use: 'signing', alg: 'RS256' })
    const before = (await keys()).filter(({ alg, state }) => alg === 'RS256' && state !== 'retired')
    expect(before.map(({ state }) => state)).toEqual(['active', 'next'])
    const { status, body } = await rotate({ use: 'signing', alg: 'RS256', now: true })
    expect(status).toBe(200)
    expect(body.retired.sort()).toEqual(before.map(({ kid }) => kid).sort())
    expect(body.keys.map(({ state }: Key) => state)).toEqual(['active'])
    expect(body.notice).toMatch(/as soon as the feed tells them/)
    expect((await lastEvents(1))[0]).toMatchObject({
      type: 'signing_key.replaced',
      kid: body.keys[0].kid,
      retired: expect.arrayContaining(body.retired),
      alg: 'RS256',
    })
    const rows = await api.admin`select 1 from mayfly.signing_key where kid = any(${body.retired}) and private_sealed is not null`
    expect(rows).toHaveLength(0)
  })

  test('with an Idempotency-Key is done once', async () => {
    const send = () =>
      api.call(
        'POST',
        '/v1/keys/rotate',
        who.tenantAdmin,
        { use: 'signing', alg: 'ES256', now: true },
        { 'idempotency-key': '"leak-1"' },
      )
    const [first, second] = [await send(), await send()]
    expect(first.status).toBe(200)
    expect(second.body).toEqual(first.body)
  })
})

test.each([
  [{}, '/use'],
  [{ use: 'tokens' }, '/use'],
  [{ use: 'signing', alg: 'HS256' }, '/alg'],
  [{ use: 'signing', now: 'yes' }, '/now'],
  [{ use: 'signing', kid: 'mine' }, '/kid'],
])('refuses to rotate by %j', async (body, pointer) => {
  const answer = await rotate(body)
  expect([answer.status, answer.body.errors[0].pointer]).toEqual([400, pointer])
})

describe('sealing anew', () => {
  test('says that there is nothing to do as long as nothing is sealed otherwise', async () => {
    const answer = await api.call('POST', '/v1/keys/rewrap', who.platformAdmin)
    expect([answer.status, answer.body.state, answer.body.remaining]).toEqual([200, 'idle', 0])
    expect(answer.body.sealed).toMatchObject([{ known: true, of: 'signing keys' }])
  })

  test('is ordered once, shows how much is left, and ends when nothing is', async () => {
    const old = new LocalKeyEncryption(randomBytes(32))
    const both = new LocalKeyEncryption(api.kek)
    const [row] =
      await api.admin`select id, tenant_id, private_sealed, kek_id from mayfly.signing_key where state = 'active' limit 1`
    const context = { tenantId: row!['tenant_id'], purpose: 'signing-key', rowId: row!['id'] } as const
    const der = await both.open(row!['private_sealed'], row!['kek_id'], context)
    await api.admin`update mayfly.signing_key set private_sealed = ${await old.seal(der, context)}, kek_id = ${old.keyId} where id = ${row!['id']}`

    const ordered = await api.call('POST', '/v1/keys/rewrap', who.platformAdmin)
    expect(ordered.body).toMatchObject({ state: 'running', remaining: 1, rewrapped: 0 })
    expect(ordered.body.sealed).toContainEqual({ key: old.keyId, known: false, of: 'signing keys', count: 1 })
    const size = (await readLog(api.admin)).length
    expect((await api.call('POST', '/v1/keys/rewrap', who.platformAdmin)).body.requested_at).toBe(ordered.body.requested_at)
    expect(await readLog(api.admin)).toHaveLength(size)

    // A worker that lacks the old key leaves the row as it is, and the order open.
    const without = await rewrapKeys({ db: api.database.db, keyEncryption: both }, Date.now())
    expect([without.outcome, without.rewrapped, without.failures.length]).toEqual(['unfinished', 0, 1])
    // This test's broker was given one key only; the worker knows both.
    const worker = Object.assign(Object.create(both), {
      keyId: both.keyId,
      keyIds: [both.keyId, old.keyId],
      seal: both.seal.bind(both),
      open: (...args: Parameters<typeof both.open>) => (args[1] === old.keyId ? old : both).open(...args),
    })
    const round = await rewrapKeys({ db: api.database.db, keyEncryption: worker }, Date.now())
    expect([round.outcome, round.rewrapped]).toEqual(['finished', 1])
    const status = (await api.call('GET', '/v1/keys/rewrap', who.platformAdmin)).body
    expect(status).toMatchObject({ state: 'finished', remaining: 0, rewrapped: 1 })
  })
})

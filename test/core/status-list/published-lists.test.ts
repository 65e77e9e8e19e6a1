import { randomUUID } from 'node:crypto'
import { beforeEach, expect, test } from 'vitest'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { encodeList } from '#core/status-list/encode-list.ts'
import { PublishedLists } from '#core/status-list/published-lists.ts'

const list = randomUUID()
const uri = 'https://broker.example/status-lists/stl_1'
const signer = {
  kid: 'k',
  alg: 'ES256' as const,
  sign: async (payload: string, typ: string) => JSON.stringify({ typ, ...JSON.parse(payload) }),
}
const snapshot = {
  tenant: { id: randomUUID(), issuer: 'https://broker.example' },
  signers: new Map([['ES256', signer]]),
} as unknown as TenantSnapshot

let ms: number
let head: { shard: string; epoch: number }
let revoked: number[] | undefined
let asked: { heads: number; lists: number }
let fault: Error | undefined
let takesMs: number
let lists: PublishedLists
beforeEach(() => {
  ms = 1_795_305_600_000
  head = { shard: randomUUID(), epoch: 1 }
  revoked = []
  asked = { heads: 0, lists: 0 }
  fault = undefined
  takesMs = 0
  lists = new PublishedLists({
    clock: { nowMs: () => ms },
    readHead: async () => {
      asked.heads++
      if (fault) throw fault
      return { ...head, databaseMs: ms }
    },
    readRevoked: async () => {
      asked.lists++
      ms += takesMs
      return revoked
    },
  })
})
const get = async () => {
  const text = await lists.get(snapshot, list, uri)
  return text === undefined ? undefined : JSON.parse(text)
}

test('is signed as a list of its own address, and ends for everyone after ten seconds (§ 5.1)', async () => {
  const iat = ms / 1000
  expect(await get()).toEqual({
    ...{ typ: 'statuslist+jwt', iss: snapshot.tenant.issuer, sub: uri, iat, exp: iat + 10, ttl: 5 },
    status_list: { bits: 1, lst: encodeList([]) },
  })
})

test('asks the database once a second, however many ask', async () => {
  await Promise.all(Array.from({ length: 100 }, get))
  ms += 999
  await get()
  expect(asked).toEqual({ heads: 1, lists: 1 })
  ms += 1
  const later = await get()
  expect(asked, 'nothing was revoked: only the times are new').toEqual({ heads: 2, lists: 1 })
  expect(later.iat).toBe(ms / 1000)
})

test('is made more rarely where making it takes long, and never more rarely than every three seconds', async () => {
  takesMs = 600
  await get()
  head.epoch++
  ms += 1_100
  await get()
  expect(asked.lists).toBe(1)
  ms += 200
  await get()
  expect(asked.lists).toBe(2)
  takesMs = 5_000
  head.epoch++
  ms += 3_000
  await get()
  expect(asked.lists).toBe(3)
  head.epoch++
  await get()
  expect(asked.lists, 'it was three seconds old when it was ready').toBe(4)
})

test('says what was revoked as soon as it is asked for anew', async () => {
  await get()
  revoked = [5]
  head.epoch++
  ms += 1_000
  expect((await get()).status_list.lst).toBe(encodeList([5]))
})

test('is made anew in another shard, though its epoch has the same number: a backup was restored', async () => {
  await get()
  revoked = [7]
  head.shard = randomUUID()
  ms += 1_000
  expect((await get()).status_list.lst).toBe(encodeList([7]))
})

test('is unknown, not empty, where no token stands in it, and known with the first one', async () => {
  revoked = undefined
  expect(await get()).toBeUndefined()
  revoked = []
  expect(await get()).toBeDefined()
})

test('goes within a minute once no token stands in it any more, though nothing was revoked', async () => {
  await get()
  revoked = undefined
  ms += 59_000
  expect(await get()).toBeDefined()
  ms += 1_000
  expect(await get()).toBeUndefined()
})

test('is refused, not remembered, while the database does not answer', async () => {
  await get()
  ms += 1_000
  fault = new Error('gone')
  await expect(get()).rejects.toMatchObject({ code: 'log_unavailable' })
  fault = undefined
  expect(await get()).toBeDefined()
})

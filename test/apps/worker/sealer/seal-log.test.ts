import { generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LookBack } from '#apps/worker/sealer/look-back.ts'
import { decodeBundle } from '#core/tlog/entry-bundle.ts'
import { createNoteSigner } from '#core/tlog/note.ts'
import { tilePath } from '#core/tlog/tile-path.ts'
import { createMemoryStore, type SealStore } from '#core/tlog/tile-store.ts'
import { findSealState, readLeaves, readLogHead } from '#db/log/seal.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { appendEvents, checkSealed, createSealerFixture, type SealerFixture } from './fixture.ts'

let db: TestDatabase
let fixture: SealerFixture
let shard: string

beforeEach(async () => {
  db = await createTestDatabase()
  fixture = await createSealerFixture(db.database.sql)
  shard = (await readLogHead(db.database.sql)).shard
})
afterEach(async () => {
  await db.close()
  await fixture.close()
})

/** What stands guard over the log is taken away, as the server's own administrator can. */
async function asAdministrator(statement: string): Promise<void> {
  await db.admin.begin(async trx => {
    await trx`set local session_replication_role = 'replica'`
    await trx.unsafe(statement)
  })
}

describe('a round', () => {
  test('signs an empty log, then whatever came, and nothing twice', async () => {
    const { sql } = db.database
    const sealer = fixture.sealer()
    expect(await sealer.round()).toMatchObject({ size: 0, sealed: 0 })
    await appendEvents(db.database, 3)
    expect(await sealer.round()).toMatchObject({ size: 3, sealed: 3 })
    const writes = fixture.store.files.size
    expect(await sealer.round()).toMatchObject({ size: 3, sealed: 0 })
    expect(fixture.store.files.size).toBe(writes)
    await appendEvents(db.database, 700)
    expect(await sealer.round()).toMatchObject({ size: 703, sealed: 700 })
    expect(await checkSealed(sql, fixture, [0, 2, 3, 255, 256, 511, 512, 702])).toBe(703)
    const bundle = await fixture.store.read(`${shard}/${tilePath('entries', 1)}`)
    expect(decodeBundle(bundle!)).toEqual(await readLeaves(sql, 256, 256))
    expect(await findSealState(sql)).toMatchObject({ shard, headSize: 703, sealedSize: 703, sealedShard: shard, lagMs: 0 })
  })

  test('goes on where another process ended, and drops partial tiles that are full', async () => {
    for (const count of [100, 100, 56, 300]) {
      await appendEvents(db.database, count)
      await fixture.sealer().round()
    }
    const sealer = fixture.sealer()
    await appendEvents(db.database, 10)
    await sealer.round()
    await appendEvents(db.database, 300)
    await sealer.round()
    expect(await checkSealed(db.database.sql, fixture)).toBe(866)
    // 566 was sealed by the process that filled the tile, so it knew of that partial one.
    expect(await fixture.store.read(`${shard}/${tilePath(0, 2, 54)}`)).toBeUndefined()
    expect(await fixture.store.read(`${shard}/${tilePath(0, 2)}`)).toHaveLength(8_192)
  })

  test.each([
    ['the tiles', async () => [...fixture.store.files.keys()].filter(path => path.includes('/tile/'))],
    ['the whole store', async () => [...fixture.store.files.keys()]],
  ])('writes the same again when %s are lost', async (_, lost) => {
    await appendEvents(db.database, 600)
    await fixture.sealer().round()
    const before = await fixture.published(shard)
    for (const path of await lost()) await fixture.store.remove(path)
    const sealer = fixture.sealer()
    await sealer.round()
    expect(await fixture.published(shard)).toEqual(before)
    await appendEvents(db.database, 5)
    await sealer.round()
    expect(await checkSealed(db.database.sql, fixture, [0, 255, 599, 604])).toBe(605)
  })

  test('takes up what was claimed by one that died before it signed, whatever came since', async () => {
    await appendEvents(db.database, 4)
    const dying = fixture.sealer({ stateDir: '/dev/null/nowhere' })
    await expect(dying.round()).rejects.toThrow()
    expect(await fixture.published(shard)).toBeUndefined()
    await appendEvents(db.database, 4)
    const sealer = fixture.sealer()
    await sealer.round()
    expect(await fixture.published(shard)).toMatchObject({ size: 4 })
    await sealer.round()
    expect(await fixture.published(shard)).toMatchObject({ size: 8 })
  })

  test.each(['tile/0', 'tile/entries', 'next/', 'checkpoint'])(
    'is made good by the next one when writing %s fails',
    async part => {
      let broken = false
      const fail = (path: string): void => {
        if (broken && path.includes(part)) throw new Error('the disk is full')
      }
      const store: SealStore = {
        ...fixture.store,
        async write(path, bytes) {
          fail(path)
          await fixture.store.write(path, bytes)
        },
        async create(path, bytes) {
          fail(path)
          return fixture.store.create(path, bytes)
        },
      }
      const sealer = fixture.sealer({ tiles: store })
      await appendEvents(db.database, 300)
      await sealer.round()
      broken = true
      await appendEvents(db.database, 300)
      await expect(sealer.round()).rejects.toThrow('the disk is full')
      broken = false
      await appendEvents(db.database, 7)
      // What was claimed is finished first, as it was claimed.
      await sealer.round()
      await sealer.round()
      expect(await checkSealed(db.database.sql, fixture, [0, 299, 300, 511, 512, 599])).toBe(607)
    },
  )
})

describe('nothing is signed', () => {
  test('where the database has fewer entries than are sealed, whether the sealer runs or starts', async () => {
    const sealer = fixture.sealer()
    await appendEvents(db.database, 20)
    await sealer.round()
    await asAdministrator('delete from log.entry where position >= 15; update log.head set size = 15')
    const before = await fixture.published(shard)
    for (const one of [sealer, fixture.sealer()]) await expect(one.round()).rejects.toMatchObject({ code: 'short' })
    await appendEvents(db.database, 20)
    for (const one of [sealer, fixture.sealer()]) await expect(one.round()).rejects.toMatchObject({ code: 'edited' })
    expect(await fixture.published(shard)).toEqual(before)
  })

  test('where a restored database has no tiles left to compare with, and other entries', async () => {
    await appendEvents(db.database, 20)
    await fixture.sealer().round()
    await asAdministrator('delete from log.checkpoint; delete from log.entry where position >= 15; update log.head set size = 15')
    await appendEvents(db.database, 20)
    const tiles = createMemoryStore()
    await expect(fixture.sealer({ tiles }).round()).rejects.toMatchObject({ code: 'forked' })
    expect([...tiles.files.keys()]).toEqual([])
  })

  test('and no tile of entries that are edited while a lost store is made anew', async () => {
    await appendEvents(db.database, 5_000)
    await fixture.sealer().round()
    const tiles = createMemoryStore()
    const edit = `update log.entry set leaf = replace(leaf, '"v":1', '"v":2') where position = 4999`
    const store: SealStore = {
      ...tiles,
      // Behind the first batch, which was right.
      async write(path, bytes) {
        if (tiles.files.size === 0) await asAdministrator(edit)
        await tiles.write(path, bytes)
      },
    }
    await expect(fixture.sealer({ tiles: store }).round()).rejects.toMatchObject({ code: 'forked' })
    expect(tiles.files.has(`${shard}/${tilePath('entries', 15)}`)).toBe(true)
    expect([...tiles.files.keys()].filter(path => path.includes('/016') || path.includes('/019'))).toEqual([])
  })

  test('where an entry is missing', async () => {
    await appendEvents(db.database, 20)
    await asAdministrator('delete from log.entry where position = 7')
    await expect(fixture.sealer().round()).rejects.toMatchObject({ code: 'gap' })
  })

  test('by a key that did not sign what is there', async () => {
    await appendEvents(db.database, 2)
    await fixture.sealer().round()
    const other = generateKeyPairSync('ed25519').privateKey
    await expect(fixture.sealer({ signers: origin => [createNoteSigner(origin, other)] }).round()).rejects.toMatchObject({
      code: 'key',
    })
  })

  test('over another history that was claimed', async () => {
    await appendEvents(db.database, 2)
    await fixture.sealer().round()
    await fixture.store.create(
      `${shard}/next/2`,
      Buffer.from(`broker.example/log/${shard}\n3\n${Buffer.alloc(32).toString('base64')}\n`),
    )
    await appendEvents(db.database, 4)
    await expect(fixture.sealer().round()).rejects.toMatchObject({ code: 'forked' })
    expect(await fixture.published(shard)).toMatchObject({ size: 2 })
  })
})

test('looking back finds an entry that was changed after it was sealed, by its index', async () => {
  const sealer = fixture.sealer()
  await appendEvents(db.database, 800)
  await sealer.round()
  const lookBack = new LookBack()
  const step = () => lookBack.step(db.database.sql, sealer.log!)
  for (let at = 0; at < 6; at++) await step()
  await asAdministrator(`update log.entry set leaf = replace(leaf, '"v":1', '"v":2') where position = 300`)
  await step()
  await expect(step()).rejects.toMatchObject({ code: 'edited', message: expect.stringContaining('300') })
  await expect(step()).rejects.toMatchObject({ code: 'edited' })
  await asAdministrator(`update log.entry set leaf = replace(leaf, '"v":2', '"v":1') where position = 300`)
  await step()
})

test('a log keeps its name when the broker gets another one', async () => {
  await appendEvents(db.database, 2)
  const { origin } = await fixture.sealer().round()
  await appendEvents(db.database, 2)
  expect(await fixture.sealer({ host: 'other.example' }).round()).toMatchObject({ origin, size: 4 })
})

test('a new shard is sealed from its beginning, and the old one’s tiles stay', async () => {
  const sealer = fixture.sealer()
  await appendEvents(db.database, 10)
  await sealer.round()
  const next = '01900000-0000-7000-8000-0000000000aa'
  await asAdministrator(`update log.head set shard = '${next}'`)
  expect(await sealer.round()).toMatchObject({ shard: next, size: 10, sealed: 10 })
  expect(await fixture.published(shard)).toMatchObject({ size: 10 })
  expect(await fixture.published(next)).toMatchObject({ size: 10, origin: `broker.example/log/${next}` })
})

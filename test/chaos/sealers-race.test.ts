// F4 for the log: whoever seals, however many at once, over whichever copy of the database, there is one history.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openTileStore } from '#apps/process/tiles/open-tile-store.ts'
import { SealFault } from '#apps/worker/sealer/seal-fault.ts'
import { type Checkpoint, checkpointPath, parseCheckpoint } from '#core/tlog/checkpoint.ts'
import { makeLogKey } from '#core/tlog/log-keys.ts'
import { parseNote } from '#core/tlog/note.ts'
import { storeUnder } from '#core/tlog/tile-store.ts'
import { keepCheckpoint, readLogHead } from '#db/log/seal.ts'
import { appendEvents, areOneHistory, createSealerFixture, type SealerFixture } from '#test/apps/worker/sealer/fixture.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let db: TestDatabase
let shard: string

beforeEach(async () => {
  db = await createTestDatabase({ poolSize: 8 })
  shard = (await readLogHead(db.database.sql)).shard
})
afterEach(() => db.close())

const checkpointOf = (note: string): Checkpoint => parseCheckpoint(parseNote(note).text)

async function keptCheckpoints(of = db): Promise<Checkpoint[]> {
  const rows = await of.admin<{ note: string }[]>`select note from log.checkpoint where shard = ${shard} order by size`
  return rows.map(({ note }) => checkpointOf(note))
}

describe('F4: in one process, without the lock that keeps them apart', () => {
  let fixture: SealerFixture
  const signed: Checkpoint[] = []
  beforeEach(async () => {
    fixture = await createSealerFixture(db.database.sql)
    signed.length = 0
  })
  afterEach(() => fixture.close())

  /** Says whatever is signed, before anybody could refuse to keep it. */
  const noting = () =>
    fixture.sealer({
      stateDir: join(fixture.deps.stateDir, `${Math.random()}`),
      async cosign({ checkpoint }) {
        signed.push(checkpoint)
        return { lines: [], witnesses: [] }
      },
    })

  test('F4: four sealers that race over one log sign one chain of checkpoints, each place once', async () => {
    const sealers = [noting(), noting(), noting(), noting()]
    let appending = true
    const append = (async () => {
      for (let at = 0; at < 25; at++) await appendEvents(db.database, 1 + ((at * 7) % 40))
      appending = false
    })()
    const failures: unknown[] = []
    const race = sealers.map(async sealer => {
      while (appending) await sealer.round().catch(error => failures.push(error))
    })
    await Promise.all([append, ...race])
    for (const sealer of sealers) await sealer.round()
    expect(failures.filter(error => error instanceof SealFault)).toEqual([])
    const { size } = await readLogHead(db.database.sql)
    expect(await fixture.published(shard)).toMatchObject({ size })
    expect(signed.length).toBeGreaterThan(1)
    expect(await areOneHistory(signed, storeUnder(fixture.store, shard))).toBe(true)
    expect(await areOneHistory(await keptCheckpoints(), storeUnder(fixture.store, shard))).toBe(true)
    // Whoever came second to a place signed what the first one had signed there.
    const roots = Map.groupBy(signed, checkpoint => checkpoint.size)
    for (const [, same] of roots) expect(new Set(same.map(({ root }) => root.toString('hex'))).size).toBe(1)
  })

  test('F4: two primaries after a failover that went wrong: the one that lost acknowledged entries signs nothing', async () => {
    await appendEvents(db.database, 300)
    await noting().round()
    const other = await createTestDatabase()
    try {
      // The standby had come to entry 250 when it was made primary, and then went its own way.
      const rows = await db.admin<{ position: bigint; leaf: string }[]>`select position, leaf from log.entry where position < 250`
      await other.admin.begin(async trx => {
        await trx`set local session_replication_role = 'replica'`
        await trx`update log.head set shard = ${shard}, size = 250`
        for (const { position, leaf } of rows) await trx`insert into log.entry values (${String(position)}, ${leaf})`
      })
      const old = noting()
      const promoted = fixture.sealer({ sql: other.database.sql, stateDir: join(fixture.deps.stateDir, 'promoted') })
      for (let at = 0; at < 6; at++) {
        await appendEvents(db.database, 10)
        await appendEvents(other.database, 45)
        const [a, b] = await Promise.allSettled([old.round(), promoted.round()])
        expect(a.status).toBe('fulfilled')
        expect(b).toMatchObject({ status: 'rejected', reason: { name: 'SealFault' } })
      }
      expect(await keptCheckpoints(other)).toEqual([])
      expect(await areOneHistory(signed, storeUnder(fixture.store, shard))).toBe(true)
    } finally {
      await other.close()
    }
  })

  test('two primaries that part between two rounds: whichever comes first to the place is the log, the other one stops', async () => {
    await appendEvents(db.database, 5)
    await noting().round()
    const other = await createTestDatabase()
    try {
      const rows = await db.admin<{ position: bigint; leaf: string }[]>`select position, leaf from log.entry`
      await other.admin.begin(async trx => {
        await trx`set local session_replication_role = 'replica'`
        await trx`update log.head set shard = ${shard}, size = 5`
        for (const { position, leaf } of rows) await trx`insert into log.entry values (${String(position)}, ${leaf})`
      })
      await appendEvents(db.database, 9)
      await appendEvents(other.database, 9)
      const one = noting()
      const two = fixture.sealer({ sql: other.database.sql, stateDir: join(fixture.deps.stateDir, 'two') })
      const results = await Promise.allSettled([one.round(), two.round()])
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { name: 'SealFault' } })
      const kept = [...(await keptCheckpoints()), ...(await keptCheckpoints(other))]
      expect(kept.filter(({ size }) => size === 14)).toHaveLength(1)
      expect(await areOneHistory(kept, storeUnder(fixture.store, shard))).toBe(true)
    } finally {
      await other.close()
    }
  })

  test('the database keeps a checkpoint only after the one it names, whoever brings it', async () => {
    await appendEvents(db.database, 10)
    const next = (size: number) => ({ shard, size, root: Buffer.alloc(32, size), note: `${size}`, origin: 'o', verifierKey: 'k' })
    const outcomes = await Promise.all([3, 4, 5, 6].map(size => keepCheckpoint(db.database.sql, 0, next(size))))
    expect(outcomes.toSorted()).toEqual(['kept', 'raced', 'raced', 'raced'])
    expect(await keepCheckpoint(db.database.sql, 0, { ...next(9), shard: '01900000-0000-7000-8000-0000000000aa' })).toBe('shard')
  })
})

describe('in two processes on one folder of tiles', () => {
  let folder: string
  const children: ChildProcess[] = []
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mayfly-race-'))
  })
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })

  async function start(key: string): Promise<ChildProcess> {
    const child = fork(new URL('./rig/child-sealer.ts', import.meta.url), {
      env: { PATH: process.env['PATH'], DATABASE_URL: db.urls.app, MAYFLY_LOG_KEY: key, FOLDER: folder },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    children.push(child)
    await once(child, 'message')
    return child
  }
  const published = async (): Promise<Checkpoint | undefined> =>
    readFile(join(folder, 'tiles', shard, checkpointPath), 'utf8').then(checkpointOf, () => undefined)

  test('one seals; when it is killed the other goes on, and nothing that was signed is taken back', {
    timeout: 60_000,
  }, async () => {
    const key = makeLogKey()
    let [first, second] = [await start(key), await start(key)]
    for (let kills = 0; kills < 4; kills++) {
      await appendEvents(db.database, 40)
      const { size } = await readLogHead(db.database.sql)
      await expect.poll(async () => (await published())?.size, { timeout: 15_000 }).toBe(size)
      await appendEvents(db.database, 30)
      first.kill('SIGKILL')
      await once(first, 'exit')
      first = second
      second = await start(key)
    }
    const { size } = await readLogHead(db.database.sql)
    await expect.poll(async () => (await published())?.size, { timeout: 15_000 }).toBe(size)
    const tiles = storeUnder(openTileStore({ folder: join(folder, 'tiles') }), shard)
    expect(await areOneHistory(await keptCheckpoints(), tiles)).toBe(true)
  })
})

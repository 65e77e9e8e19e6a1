// What the checkpoints outside say of a database: of its own log, from either place; and of logs that it has never heard of.

import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type EvidencePlaces, findEvidence, logsToKnow } from '#apps/process/log-evidence.ts'
import { createLogger } from '#apps/process/logger.ts'
import { type RestoreGuard, settleRestore } from '#apps/process/startup-guard.ts'
import { openTileStore } from '#apps/process/tiles/open-tile-store.ts'
import { LogSealer } from '#apps/worker/sealer/seal-log.ts'
import { rootOfEntries } from '#core/restore/judge-log.ts'
import { formatCheckpoint } from '#core/tlog/checkpoint.ts'
import { createNoteSigner, formatVerifierKey, signNote } from '#core/tlog/note.ts'
import { appendBatch } from '#db/log/append.ts'
import { keepCheckpoint, readLeaves, readLogHead } from '#db/log/seal.ts'
import { listForks } from '#db/restore/forks.ts'
import { beginByHand, showStatus } from '#deploy/restore.ts'
import { createTenant, makeRequest } from '#test/db/log/requests.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let db: TestDatabase
let tenantId: string
let folder: string
let key: KeyObject
let places: EvidencePlaces & { logState: string; logTiles: { folder: string } }
beforeEach(async () => {
  db = await createTestDatabase()
  tenantId = await createTenant(db.admin)
  folder = mkdtempSync(join(tmpdir(), 'mayfly-evidence-'))
  key = generateKeyPairSync('ed25519').privateKey
  places = { logState: join(folder, 'state'), logTiles: { folder: join(folder, 'tiles') } }
})
afterEach(async () => {
  await db.close()
  rmSync(folder, { recursive: true, force: true })
})

const signers = (origin: string) => [createNoteSigner(origin, key)]
const append = (count: number) =>
  appendBatch(
    db.database.sql,
    Array.from({ length: count }, () => makeRequest(tenantId)),
  )
const seal = () =>
  new LogSealer({
    sql: db.database.sql,
    tiles: openTileStore(places.logTiles),
    stateDir: places.logState,
    host: 'broker.example',
    signers,
  }).round()
/** As a sealer of another database of the same deployment leaves it. */
function leaveNote(
  place: 'state' | 'tiles',
  shard: string,
  size: number,
  root = Buffer.alloc(32, 7).toString('base64'),
  by = key,
): void {
  const origin = `broker.example/log/${shard}`
  const checkpoint = { origin, size, root: Buffer.from(root, 'base64') }
  const note = signNote(formatCheckpoint(checkpoint), [createNoteSigner(origin, by)])
  const path =
    place === 'state' ? join(places.logState, `${shard}.checkpoint`) : join(places.logTiles.folder, shard, 'checkpoint')
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, note)
}
const guardOf = (more: Partial<RestoreGuard> = {}): RestoreGuard => ({
  databaseUrl: db.urls.app,
  publicUrl: 'https://broker.example',
  keyEncryptionKey: Buffer.alloc(32, 1),
  ...places,
  ...more,
})
const settle = async (more: Partial<RestoreGuard> = {}): Promise<string[]> => {
  const lines: string[] = []
  await settleRestore(
    guardOf(more),
    createLogger('test', 'info', line => lines.push(line)),
  )
  return lines
}
const forks = () => listForks(db.database.db)
const evidence = () => findEvidence(db.database, places)

test('a log that was sealed and grows goes on, by either place and by both', async () => {
  await append(3)
  await seal()
  await append(2)
  expect(await evidence()).toMatchObject({ verdict: 'continues', sealed: { size: 3 }, doubts: [], unknown: [], unprovenSize: 0 })
  await seal()
  for (const gone of ['state', 'tiles']) {
    const { logState, logTiles } = places
    const one = gone === 'state' ? { logTiles } : { logState }
    expect(await findEvidence(db.database, one)).toMatchObject({ verdict: 'continues', sealed: { size: 5 } })
  }
})

test.each(['state', 'tiles'] as const)(
  'a log that was sealed in %s and that the database has never heard of is a restore; begun once, it is known',
  async place => {
    await append(3)
    await seal()
    const shard = randomUUID()
    leaveNote(place, shard, 9)
    expect(await evidence()).toMatchObject({ verdict: 'forgetful', unknown: [{ shard, size: 9 }] })
    expect((await settle()).join()).toContain('never heard')
    const [fork] = await forks()
    expect(fork).toMatchObject({ finished: true, sealedSize: null })
    const [entry] = await db.admin<{ body: string }[]>`select body from across.read_log(${fork!.size}, 1)`
    expect(JSON.parse(entry!.body)).toMatchObject({ by: 'evidence', unknown_shards: [{ shard, size: 9 }] })
    expect(await evidence()).toMatchObject({ verdict: 'continues', unknown: [] })
    await settle()
    expect(await forks()).toHaveLength(1)
  },
)

test('a restore that is begun for another reason learns of the logs beside it as well', async () => {
  await append(3)
  const { shard } = await seal()
  leaveNote('state', shard, 8)
  leaveNote('state', randomUUID(), 9)
  leaveNote('tiles', randomUUID(), 4)
  expect(await evidence()).toMatchObject({ verdict: 'shorter' })
  await settle()
  expect(await forks()).toMatchObject([{ sealedSize: 8 }])
  await settle()
  expect(await forks()).toHaveLength(1)
})

test('where the folder of the last checkpoint is gone, the tile store tells of what is lost', async () => {
  await append(3)
  const { shard } = await seal()
  leaveNote('tiles', shard, 8)
  rmSync(places.logState, { recursive: true })
  expect(await evidence()).toMatchObject({ verdict: 'shorter', sealed: { size: 8 } })
  await expect(settle({ onRestore: 'refuse' })).rejects.toMatchObject({ hint: expect.stringContaining('8 were sealed') })
  expect(await forks()).toEqual([])
})

test('where both are gone though the database was sealed, that is said', async () => {
  await append(3)
  await seal()
  rmSync(places.logState, { recursive: true })
  rmSync(places.logTiles.folder, { recursive: true })
  expect(await evidence()).toMatchObject({ verdict: 'continues', unprovenSize: 3 })
  expect((await settle()).join()).toContain('nothing outside of the database')
})

test('a tile store that cannot be asked stops a start only where no other place knows the log', async () => {
  await append(3)
  await seal()
  const unreachable = {
    s3: { bucket: 'tiles', prefix: '', endpoint: 'http://127.0.0.1:1', region: 'x', accessKeyId: 'x', secretAccessKey: 'x' },
  }
  expect((await settle({ logTiles: unreachable })).join()).toContain('cannot be read from the tile store')
  await expect(settle({ logTiles: unreachable, logState: undefined })).rejects.toMatchObject({
    hint: expect.stringContaining('the tile store'),
  })
})

test('a checkpoint that nobody can verify stops a start, until somebody leaves it behind by hand', async () => {
  await append(3)
  await seal()
  const shard = randomUUID()
  leaveNote('state', shard, 9, undefined, generateKeyPairSync('ed25519').privateKey)
  await expect(settle()).rejects.toMatchObject({ hint: expect.stringContaining('deploy/restore.ts begin') })
  expect(logsToKnow(await evidence())).toEqual([{ shard, size: null, root: null }])
  const config = { ...guardOf(), publicUrl: 'https://broker.example', operatorTokenFile: undefined }
  expect(await showStatus(config)).toMatchObject({ verdict: 'continues', doubts: [expect.stringContaining(shard)] })
  await beginByHand(config, false, () => {})
  expect(await evidence()).toMatchObject({ verdict: 'continues', doubts: [] })
  await settle()
  expect(await forks()).toHaveLength(1)
})

test('a new database beside the log of an earlier one is not served from; who has the log’s key begins by itself', async () => {
  leaveNote('state', randomUUID(), 9)
  await expect(settle()).rejects.toMatchObject({ hint: expect.stringContaining('the database knows no sealer') })
  await settle({ logKeys: [key] })
  expect(await forks()).toMatchObject([{ finished: true }])
  await settle()
})

test('a false checkpoint that a process has put on record begins no restore on a healthy database', async () => {
  await append(3)
  const { shard, origin, verifierKey } = await seal()
  await append(2)
  const { size } = await readLogHead(db.database.sql)
  const root = Buffer.alloc(32, 9)
  expect(await keepCheckpoint(db.database.sql, 3, { shard, size, root, note: 'false', origin, verifierKey })).toBe('kept')
  const { sql } = db.database
  const sealer = new LogSealer({
    sql,
    tiles: openTileStore(places.logTiles),
    stateDir: places.logState,
    host: 'broker.example',
    signers,
  })
  await expect(sealer.round()).rejects.toMatchObject({ code: 'key' })
  // One that had been running goes on, and leaves the true one outside.
  const leaves = await readLeaves(sql, 0, size)
  leaveNote('state', shard, size, await rootOfEntries(size, async (from, limit) => leaves.slice(from, from + limit)))
  expect(await evidence()).toMatchObject({ verdict: 'continues', sealed: { size } })
  await settle()
  expect(await forks()).toEqual([])
})

test('a false checkpoint on record is disowned by the log’s owner, and by nobody else; then sealing goes on', async () => {
  await append(3)
  const { shard, origin, verifierKey } = await seal()
  await append(2)
  const { size } = await readLogHead(db.database.sql)
  const stranger = formatVerifierKey(createNoteSigner(origin, generateKeyPairSync('ed25519').privateKey).verifierKey)
  const root = Buffer.alloc(32, 9)
  await keepCheckpoint(db.database.sql, 3, { shard, size, root, note: 'false', origin, verifierKey: stranger })
  await expect(seal()).rejects.toMatchObject({ code: 'key', message: expect.stringContaining('disown_checkpoint') })
  // The log's own key is on record as well, and what is no key stands in nobody's way.
  await db.admin`insert into log.signer (shard, verifier_key, at, signs) values (${shard}, 'none', now(), true)`
  await settle()

  await expect(db.database.sql`select log.disown_checkpoint()`).rejects.toMatchObject({ code: '42501' })
  const owner = postgres(db.urls.migrate, { max: 1, onnotice: () => {} })
  await owner`set role mayfly_log`
  expect(await owner`select log.disown_checkpoint(${verifierKey})::int as size`).toEqual([{ size }])
  expect(await owner`select by from log.checkpoint_disowned`).toEqual([{ by: 'mayfly_migrate' }])
  await settle()
  expect((await seal()).size).toBeGreaterThanOrEqual(size)
  expect(await forks()).toEqual([])
  await expect(owner`delete from log.checkpoint_disowned`).rejects.toThrow('append-only')
  await owner.end({ timeout: 2 })
})

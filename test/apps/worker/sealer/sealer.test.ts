import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLogger } from '#apps/process/logger.ts'
import { type Sealer, startSealer } from '#apps/worker/sealer/sealer.ts'
import { findSealState, readLogHead } from '#db/log/seal.ts'
import { createSealerLock } from '#db/log/sealer-lock.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { appendEvents, checkSealed, createSealerFixture, host, type SealerFixture } from './fixture.ts'

let db: TestDatabase
let fixture: SealerFixture
const sealers: Sealer[] = []

beforeEach(async () => {
  db = await createTestDatabase()
  fixture = await createSealerFixture(db.database.sql)
})
afterEach(async () => {
  for (const sealer of sealers.splice(0)) await sealer.close()
  await db.close()
  await fixture.close()
})

function start(registry = new Registry(), everyMs = 0): Sealer {
  const sealer = startSealer({
    settings: { keys: [fixture.key], stateDir: fixture.deps.stateDir, host, tiles: { folder: '/nowhere' } },
    tiles: fixture.store,
    database: db.database,
    lock: createSealerLock(db.urls.app),
    logger: createLogger('worker', 'silent'),
    registry,
    everyMs,
  })
  sealers.push(sealer)
  return sealer
}

test('seals by itself, each second or so', async () => {
  start(new Registry(), 20)
  await appendEvents(db.database, 300)
  await expect.poll(() => checkSealed(db.database.sql, fixture).catch(() => 0), { timeout: 10_000 }).toBe(300)
})

test('of two one seals; the other one takes over when it ends, or loses its connection', async () => {
  const [first, second] = [start(), start()]
  await first.round()
  await second.round()
  expect([first.isLeader(), second.isLeader()]).toEqual([true, false])
  expect(second.faults()).toEqual([])
  await appendEvents(db.database, 5)
  await second.round()
  expect(await checkSealed(db.database.sql, fixture, []).catch(() => 0)).toBe(0)
  await db.admin`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'mayfly-sealer' and pid in
    (select pid from pg_locks where locktype = 'advisory' and granted)`
  await expect.poll(() => second.round().then(() => second.isLeader()), { timeout: 5_000 }).toBe(true)
  expect(await checkSealed(db.database.sql, fixture)).toBe(5)
  await first.round().catch(() => {})
  expect(first.isLeader()).toBe(false)
  await second.close()
  await expect
    .poll(
      () =>
        first.round().then(
          () => first.isLeader(),
          () => false,
        ),
      { timeout: 5_000 },
    )
    .toBe(true)
})

test('what is wrong is told at /readyz, in the metrics and in the database, until it is put right', async () => {
  const registry = new Registry()
  const sealer = start(registry)
  await appendEvents(db.database, 300)
  await sealer.round()
  expect(sealer.faults()).toEqual([])
  const { shard } = await readLogHead(db.database.sql)
  expect(await findSealState(db.database.sql)).toMatchObject({
    shard,
    sealedSize: 300,
    origin: `${host}/log/${shard}`,
    fault: undefined,
  })
  const edit = (from: string, to: string) =>
    db.admin.begin(async trx => {
      await trx`set local session_replication_role = 'replica'`
      await trx`update log.entry set leaf = replace(leaf, ${from}, ${to}) where position = 100`
    })
  await edit('"v":1', '"v":2')
  await appendEvents(db.database, 3)
  for (let at = 0; at < 2; at++) await expect(sealer.round()).rejects.toMatchObject({ code: 'edited' })
  expect(sealer.faults()).toEqual([expect.stringContaining('100')])
  expect(await findSealState(db.database.sql)).toMatchObject({ sealedSize: 300, fault: expect.stringContaining('100') })
  expect(await registry.metrics()).toContain('mayfly_log_seal_refused{fault="edited"} 1')
  expect((await findSealState(db.database.sql))!.lagMs).toBeGreaterThan(0)
  await edit('"v":2', '"v":1')
  await sealer.round()
  expect(sealer.faults()).toEqual([])
  expect(await findSealState(db.database.sql)).toMatchObject({ sealedSize: 303, lagMs: 0, fault: undefined })
  expect(await registry.metrics()).toMatch(/mayfly_log_seal_refused\{fault="edited"\} 0[\s\S]*mayfly_log_seal_lag_seconds 0/)
})

test('a database that is away is no fault of the log: it is tried again', async () => {
  const sealer = start()
  await sealer.round()
  await db.admin.unsafe('revoke execute on function across.read_leaves from mayfly_app')
  await appendEvents(db.database, 2)
  await expect(sealer.round()).rejects.toThrow('permission denied')
  expect(sealer.faults()).toEqual([])
  await db.admin.unsafe('grant execute on function across.read_leaves to mayfly_app')
  await sealer.round()
  expect(await checkSealed(db.database.sql, fixture)).toBe(2)
})

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { thinOldCheckpoints } from '#core/audit/thin-checkpoints.ts'
import { findSpareCheckpoints, thinCheckpoints } from '#db/log/thin-checkpoints.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { readLog } from '#test/setup/log-reader.ts'

const [shard, earlier] = ['01900000-0000-7000-8000-0000000000aa', '01900000-0000-7000-8000-0000000000bb']
const dayMs = 86_400_000
const midnight = Math.floor(Date.now() / dayMs) * dayMs
let db: TestDatabase

beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.close())

/** Three hours of a day, a checkpoint a minute; sizes go on from one day to the next. */
async function fill(): Promise<void> {
  await db.admin.begin(async trx => {
    await trx`set local session_replication_role = 'replica'`
    await trx`delete from log.checkpoint`
    await trx`delete from log.sealer`
    await trx`delete from log.fork`
    await trx`delete from log.checkpoint_disowned`
    await trx`insert into log.checkpoint_disowned (shard, size) values (${shard}, 6001)`
    for (const [at, log] of [
      [9, earlier],
      [5, shard],
      [4, shard],
      [1, shard],
    ] as const)
      await trx`
        insert into log.checkpoint (shard, size, root, at, note)
        select ${log}, ${(10 - at) * 1_000} + m, decode(repeat('00', 32), 'hex'), ${new Date(midnight - at * dayMs)}::timestamptz + make_interval(mins => m), 'note'
          from generate_series(0, 179) m`
    await trx`
      insert into log.sealer (id, shard, size, origin, verifier_key, at, witnesses)
      values (1, ${shard}, 9179, 'o', 'k', now(), '[{"name": "w", "size": 5077}]')`
    await trx`
      insert into log.fork values (gen_random_uuid(), now(), ${earlier}, ${shard}, 1101, 1100, 'root')`
  })
}
beforeEach(fill)

const sizes = async (log: string): Promise<number[]> => {
  const rows = await db.admin<{ size: number }[]>`
    select size::float8 as size from log.checkpoint where shard = ${log} order by size`
  return rows.map(({ size }) => size)
}

test('of what is over for two days the last checkpoint of each hour stays, and what a witness or a fork names or its owner took back; the last days stay whole', async () => {
  const { sql } = db.database
  const last = Array.from({ length: 180 }, (_, at) => 9_000 + at)
  expect(await thinOldCheckpoints(sql, Date.now())).toBe(3 * 177 - 4)
  expect(await sizes(shard)).toEqual([5_059, 5_077, 5_119, 5_179, 6_001, 6_059, 6_119, 6_179, ...last])
  expect(await sizes(earlier)).toEqual([1_059, 1_100, 1_101, 1_119, 1_179])
  const hour = (ago: number, at: number): string => new Date(midnight - ago * dayMs + at * 3_600_000).toISOString().slice(0, 13)
  const events = (await readLog(db.admin)).filter(({ leaf }) => leaf.type === 'log.thinned')
  expect(events.map(({ body }) => body)).toMatchObject([
    { hour: hour(9, 0), checkpoints: 59 },
    { hour: hour(9, 1), checkpoints: 57 },
    { hour: hour(9, 2), checkpoints: 59 },
    { hour: hour(5, 0), checkpoints: 59 },
    { hour: hour(5, 1), checkpoints: 58 },
    { hour: hour(5, 2), checkpoints: 59 },
    { hour: hour(4, 0), checkpoints: 58 },
    ...[hour(4, 1), hour(4, 2)].map(each => ({ hour: each, checkpoints: 59 })),
  ])
  expect(await thinOldCheckpoints(sql, Date.now())).toBe(0)
})

test('the newest, an hour’s last and what is younger than two days stay whoever deletes, the owner’s function too', async () => {
  await expect(db.database.sql`delete from log.checkpoint`).rejects.toMatchObject({ code: '42501' })
  for (const size of [5_059, 5_077, 9_000, 9_179])
    for (const role of ['mayfly_log', 'the superuser'])
      await expect(
        db.admin.begin(async trx => {
          if (role === 'mayfly_log') await trx`set local role mayfly_log`
          await trx`set local mayfly.thins = 'on'`
          await trx`delete from log.checkpoint where shard = ${shard} and size = ${size}`
        }),
      ).rejects.toMatchObject({ code: '42501' })
  await expect(
    db.admin.begin(async trx => {
      await trx`set local role mayfly_log`
      await trx`delete from log.checkpoint where shard = ${shard} and size = 5000`
    }),
  ).rejects.toMatchObject({ code: '42501' })
})

test('nothing goes without the event that says how many went', async () => {
  const [due] = await findSpareCheckpoints(db.database.sql)
  const wrong = { ...due!, spare: due!.spare - 1 }
  await expect(thinCheckpoints(db.database.sql, wrong, { leaf: '{}', body: '{}' })).rejects.toMatchObject({ code: '40001' })
  expect(await sizes(earlier)).toHaveLength(180)
})

// What a pool does when PostgreSQL ends its sessions: whoever was waiting hears of it, whoever comes next is served.

import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '#db/connect.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

const name = 'connection-loss'
const tenantId = randomUUID()
let testDatabase: TestDatabase
let database: Database
beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = openDatabase(testDatabase.urls.app, { poolSize: 3, applicationName: name })
})
afterAll(async () => {
  await database.close()
  await testDatabase.close()
})

const endSessions = () =>
  testDatabase.admin`select pg_terminate_backend(pid) from pg_stat_activity where application_name = ${name}`

const kinds = {
  'a query': () => database.sql`select ${'x'}::text`,
  'a large query': () => database.sql`select ${'x'.repeat(4_000)}::text`,
  'a built query': () => sql`select ${'x'}::text`.execute(database.db),
  'a query of a tenant': () => sql`select ${'x'}::text`.execute(database.db.forTenant(tenantId)),
  'a transaction': () =>
    database.db
      .forTenant(tenantId)
      .transaction()
      .execute(async trx => {
        await sql`select 1`.execute(trx)
        await delay(2)
        await sql`select 2`.execute(trx)
      }),
}

describe('when its sessions are ended again and again', () => {
  test('each call is answered or fails, and each kind of call works again', async () => {
    let ended = false
    let pending = 0
    const worked = new Map<string, number>()
    const run = async (kind: string, call: () => PromiseLike<unknown>): Promise<void> => {
      while (!ended) {
        pending++
        try {
          await call()
          worked.set(kind, (worked.get(kind) ?? 0) + 1)
        } catch {
          await delay(2)
        }
        pending--
      }
    }
    const running = Object.entries(kinds).flatMap(([kind, call]) => [run(kind, call), run(kind, call)])
    for (let i = 0; i < 30; i++) {
      await endSessions()
      await delay(20)
    }
    const before = new Map(worked)
    await expect
      .poll(() => Object.keys(kinds).filter(kind => (worked.get(kind) ?? 0) <= (before.get(kind) ?? 0)), { timeout: 2_000 })
      .toEqual([])
    ended = true
    await Promise.all(running)
    expect(pending).toBe(0)
  })

  test('a transaction that is idle at the loss fails at its next query, and harms no other', async () => {
    const transaction = database.db
      .forTenant(tenantId)
      .transaction()
      .execute(async trx => {
        await sql`select 1`.execute(trx)
        await endSessions()
        await delay(20)
        await sql`select 2`.execute(trx)
      })
    await expect(transaction).rejects.toThrow()
    // A connection whose end was not heard of yet may fail one call more.
    const served = (call: () => PromiseLike<unknown>) => expect.poll(() => Promise.resolve(call()).catch(() => 'failed'))
    await served(() => database.sql`select 1 as one`.then(rows => [...rows])).toEqual([{ one: 1 }])
    await served(() => sql`select 1 as one`.execute(database.db).then(({ rows }) => rows)).toEqual([{ one: 1 }])
  })
})

test('reads values as the generated schema says, on both pools', async () => {
  const [row] = await database.sql`select array[0, 5]::smallint[] as list, '{}'::smallint[] as none, 7::int8 as big`
  expect(row).toEqual({ list: [0, 5], none: [], big: 7n })
  const built = await sql`
    select 7::int8 as big, '2030-01-31'::date as day, '2030-01-31T12:00:00Z'::timestamptz as at, ${['a', { b: null }]}::jsonb as list,
           ${{ c: [1] }}::jsonb as object, ${Buffer.from('ab', 'hex')}::bytea as bytes, ${null}::jsonb as none`.execute(
    database.db,
  )
  expect(built.rows).toEqual([
    {
      big: 7n,
      day: new Date('2030-01-31'),
      at: new Date('2030-01-31T12:00:00Z'),
      list: ['a', { b: null }],
      object: { c: [1] },
      bytes: Buffer.from('ab', 'hex'),
      none: null,
    },
  ])
})

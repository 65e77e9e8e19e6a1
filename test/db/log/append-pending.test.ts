import { afterAll, beforeAll, expect, test } from 'vitest'
import { appendPending } from '#db/log/append-pending.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { countRows, createTenant, event, readLeaves } from './requests.ts'

let db: TestDatabase
let tenantId: string
beforeAll(async () => {
  db = await createTestDatabase()
  tenantId = await createTenant(db.admin)
})
afterAll(() => db.close())

const pendingCount = async (): Promise<number> => {
  const [row] = await db.admin`select count(*)::int as count from log.pending`
  return row!['count'] as number
}

test('an event of a transaction stands in the log when it is committed, and not before', async () => {
  const before = (await countRows(db.admin)).size
  await db.database.db
    .forTenant(tenantId)
    .transaction()
    .execute(async trx => {
      await appendPending(trx, [{ tenantId, ...event({ type: 'committed' }) }])
      expect((await countRows(db.admin)).size).toBe(before)
    })
  expect((await readLeaves(db.admin)).at(-1)?.leaf).toMatchObject({ type: 'committed' })
  expect((await countRows(db.admin)).size).toBe(before + 1)
  expect(await pendingCount()).toBe(0)
})

test('an event of a transaction that is rolled back never stands in the log', async () => {
  const before = await countRows(db.admin)
  const undone = db.database.db
    .forTenant(tenantId)
    .transaction()
    .execute(async trx => {
      await appendPending(trx, [{ tenantId, ...event() }])
      throw new Error('undo')
    })
  await expect(undone).rejects.toThrow('undo')
  expect(await countRows(db.admin)).toEqual(before)
  expect(await pendingCount()).toBe(0)
})

test('many events of a transaction keep their order, also beside another transaction’s', async () => {
  const write = (who: string) =>
    db.database.db
      .forTenant(tenantId)
      .transaction()
      .execute(async trx => {
        for (let n = 0; n < 30; n++) await appendPending(trx, [{ tenantId: n % 2 ? tenantId : null, ...event({ who, n }) }])
      })
  await Promise.all([write('a'), write('b')])
  const leaves = (await readLeaves(db.admin)).map(({ leaf }) => leaf)
  for (const who of ['a', 'b'])
    expect(leaves.filter(leaf => leaf['who'] === who).map(leaf => leaf['n'])).toEqual([...Array(30).keys()])
  const first = leaves.findIndex(leaf => leaf['who'] !== undefined)
  expect(new Set(leaves.slice(first, first + 30).map(leaf => leaf['who'])).size, 'one transaction stands in one piece').toBe(1)
})

test('an event that cannot be written takes its transaction’s change with it', async () => {
  const change = db.database.db
    .forTenant(tenantId)
    .transaction()
    .execute(async trx => {
      const renamed = await trx
        .updateTable('mayfly.tenant')
        .set({ name: 'changed' })
        .where('id', '=', tenantId)
        .executeTakeFirst()
      expect(renamed.numUpdatedRows).toBe(1n)
      await appendPending(trx, [{ tenantId, leaf: '{"a":1}\n{"b":2}', body: '{}' }])
    })
  await expect(change).rejects.toMatchObject({ code: '22023' })
  expect(await db.admin`select name from mayfly.tenant where id = ${tenantId}`).toEqual([{ name: 'Test' }])
})

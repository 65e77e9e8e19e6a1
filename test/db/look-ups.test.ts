import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readAccounts, readSubjectKeys } from '#db/accounts/read-accounts.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let db: TestDatabase
beforeAll(async () => {
  // One connection: plans are kept, and counted, for each.
  db = await createTestDatabase({ poolSize: 1 })
})
afterAll(() => db.close())

/** Rows that were gone through so far, in tables and by indexes. */
async function rowsRead(): Promise<number> {
  await db.database.sql`select pg_stat_force_next_flush()`
  const [row] = await db.admin`
    select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as read from pg_stat_user_tables
     where schemaname = 'mayfly' and relname in ('account', 'subject_key')`
  return row!['read'] as number
}

test('a look-up whose plan was made while the table was empty does not go through the table once it is full', async () => {
  const { sql } = db.database
  const tenantId = randomUUID()
  const look = async (): Promise<void> => {
    const many = Array.from({ length: 100 }, () => ({ tenantId, name: randomUUID() }))
    await readAccounts(sql, [], many)
    await readAccounts(sql, many, [])
    await readSubjectKeys(
      sql,
      many.map(() => ({ tenantId, subject: randomBytes(32).toString('hex') })),
    )
  }
  // PostgreSQL settles on one plan after a few runs, on each connection.
  for (let n = 0; n < 100; n++) await look()
  await db.admin`
    insert into mayfly.account (id, tenant_id, agent_id, task_key, opened_at, deadline, ceiling_id, opener, task_id)
    select gen_random_uuid(), ${tenantId}, gen_random_uuid(), gen_random_uuid(), now(), now() + interval '1 hour', 1, 'x', 't'
      from generate_series(1, 5000)`
  await db.admin`
    insert into mayfly.subject_key (id, tenant_id, subject_hash, key_sealed, kek_id)
    select gen_random_uuid(), ${tenantId}, sha256(n::text::bytea), 'x', 'k' from generate_series(1, 5000) n`
  const before = await rowsRead()
  for (let n = 0; n < 10; n++) await look()
  expect((await rowsRead()) - before).toBeLessThan(5_000)
})

test('a foreign subject’s key is found by tenant and subject together', async () => {
  const [tenantId, other] = [randomUUID(), randomUUID()]
  const subject = randomBytes(32).toString('hex')
  for (const tenant of [tenantId, other])
    await db.admin`
      insert into mayfly.subject_key (id, tenant_id, subject_hash, key_sealed, kek_id)
      values (gen_random_uuid(), ${tenant}, decode(${subject}, 'hex'), ${Buffer.from(tenant)}, 'k')`
  const missing = { tenantId, subject: randomBytes(32).toString('hex') }
  const rows = await readSubjectKeys(db.database.sql, [{ tenantId, subject }, missing])
  expect(rows).toMatchObject([{ tenantId, subject, sealed: Buffer.from(tenantId), kekId: 'k' }])
})

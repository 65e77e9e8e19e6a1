// The worker asks each second. What it asks must not cost more with the number of accounts that live, of children, of tombstones.

import { randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dropTombstones, readActiveDescendants, readDueAccounts, readEndedAccounts, readParentsAmong } from '#db/accounts/due.ts'
import { leaseOutbox, retryParkedOutbox } from '#db/accounts/outbox.ts'
import { deleteExpired } from '#db/housekeeping/delete-expired.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

const many = 5_000
let db: TestDatabase
beforeAll(async () => {
  // One connection: plans are kept, and counted, for each.
  db = await createTestDatabase({ poolSize: 1 })
})
afterAll(() => db.close())

/** Rows that were gone through so far, in tables and by indexes. */
async function rowsRead(): Promise<number> {
  await db.database.sql`select pg_stat_force_next_flush()`
  const [row] = await db.admin<[{ read: number }]>`
    select (select sum(seq_tup_read) from pg_stat_user_tables where schemaname = 'mayfly')::int
         + (select sum(idx_tup_read) from pg_stat_user_indexes where schemaname = 'mayfly')::int as read`
  return row.read
}

const looks: Record<string, (sql: Sql) => Promise<unknown>> = {
  'what is due': sql => readDueAccounts(sql, '-infinity', 500),
  'what is over': sql => readEndedAccounts(sql, '00000000-0000-0000-0000-000000000000', 500),
  'who has children': sql => readParentsAmong(sql, [randomUUID(), randomUUID()]),
  'what descends from an account': sql => readActiveDescendants(sql, randomUUID(), 500),
  'what the outbox holds': sql => leaseOutbox(sql, 500, 30),
  'what is parked': sql => retryParkedOutbox(sql),
  'which proofs, pins and nonces can be presented no more': sql => deleteExpired(sql),
  'which tombstones are old': sql => dropTombstones(sql, 90 * 86_400),
}

async function fill({ admin }: TestDatabase): Promise<void> {
  const tenantId = randomUUID()
  await admin`
    insert into mayfly.account (id, tenant_id, agent_id, task_key, opened_at, deadline, ceiling_id, opener, task_id)
      select gen_random_uuid(), ${tenantId}, gen_random_uuid(), gen_random_uuid(), now(), now() + interval '1 hour', 1, 'x', 't'
        from generate_series(1, ${many})`
  await admin`
    insert into mayfly.lineage (account_id, tenant_id, root_id, parent_id, depth, max_depth, ancestors, generations, agents)
      select id, tenant_id, agent_id, agent_id, 1, 4, array[agent_id], array[1], array[agent_id] from mayfly.account`
  await admin`
    insert into mayfly.tombstone (task_key, account_id, tenant_id, ended_at, state)
      select gen_random_uuid(), gen_random_uuid(), ${tenantId}, now(), 'e' from generate_series(1, ${many})`
  await admin`
    insert into mayfly.outbox (tenant_id, account_id, transition, generation, at, due_at)
      select ${tenantId}, gen_random_uuid(), 'revoke', 2, now(), now() + interval '1 hour' from generate_series(1, ${many})`
  await admin`insert into mayfly.subject_pin select sha256(i::text::bytea), '', now() + interval '1 hour' from generate_series(1, ${many}) i`
  await admin`
    insert into mayfly.consumed_nonce select gen_random_uuid(), sha256(i::text::bytea), now() + interval '1 hour' from generate_series(1, ${many}) i`
  await admin`
    insert into mayfly.replay (tenant_id, kind, hash, expires_at)
      select ${tenantId}, 1, sha256(i::text::bytea), now() + interval '1 hour' from generate_series(1, ${many}) i`
}

describe('with plans that were made while there was nothing', () => {
  beforeAll(async () => {
    // PostgreSQL settles on one plan after a few runs, on each connection.
    for (let n = 0; n < 10; n++) for (const look of Object.values(looks)) await look(db.database.sql)
    await fill(db)
  })

  test.each(Object.keys(looks))('%s is found without going through what is not', async name => {
    const before = await rowsRead()
    for (let n = 0; n < 10; n++) await looks[name]!(db.database.sql)
    expect((await rowsRead()) - before).toBeLessThan(many / 10)
  })
})

test('accounts below one are found by their keys, however many live', async () => {
  const [row] = await db.admin<[{ parent: string }]>`select parent_id as parent from mayfly.lineage limit 1`
  const before = await rowsRead()
  expect(await readActiveDescendants(db.database.sql, row.parent, 500)).toHaveLength(1)
  expect((await rowsRead()) - before).toBeLessThan(many / 10)
})

// How many bytes an account takes with its share of the indexes, while it lives and once only its tombstone is left. Rows are made
// by the database itself, as openings and reaping leave them: ids that grow with time, task keys without order.

import type { Sql } from 'postgres'

/** A UUIDv7 of the i-th account when five are opened in a millisecond. */
const idOf = `(lpad(to_hex((extract(epoch from now()) * 1000)::bigint + i / 5), 12, '0') || '7' || substr(md5(random()::text), 1, 19))::uuid`

/** Adds live accounts of an agent; returns the bytes that an account takes in all. */
export async function addLiveAccounts(
  admin: Sql,
  of: { readonly tenantId: string; readonly agentId: string; readonly ceilingId: string },
  count: number,
): Promise<number> {
  await admin.unsafe(
    `insert into mayfly.account (id, tenant_id, agent_id, task_key, opened_at, deadline, ceiling_id, opener, claim_hash, task_id)
       select ${idOf}, $1, $2, gen_random_uuid(), now() + i / 5 * interval '1 ms',
              now() + interval '1 day' + i / 5 * interval '1 ms', $3, sha256(i::text::bytea), sha256(('claim' || i)::bytea), 'run_' || md5(i::text)
         from generate_series(1, $4::int) i`,
    [of.tenantId, of.agentId, of.ceilingId, count],
  )
  for (const scope of [of.tenantId, of.agentId])
    await admin`
      insert into mayfly.live_count (scope, tenant_id, live) values (${scope}, ${of.tenantId}, ${count})
      on conflict (scope) do update set live = mayfly.live_count.live + excluded.live`
  await admin`vacuum analyze mayfly.account`
  return bytesOf(admin, 'mayfly.account')
}

/** Adds tombstones as batches of 500 leave them, an hour's worth every 100,000; returns the bytes that one takes in all. */
export async function addTombstones(admin: Sql, tenantId: string, count: number): Promise<number> {
  await admin.unsafe(
    `insert into mayfly.tombstone (task_key, account_id, tenant_id, ended_at, state)
       select gen_random_uuid(), ${idOf}, $1, now() + i / 500 * interval '18 s', 'e' from generate_series(1, $2::int) i`,
    [tenantId, count],
  )
  await admin`vacuum analyze mayfly.tombstone`
  return bytesOf(admin, 'mayfly.tombstone')
}

async function bytesOf(admin: Sql, table: string): Promise<number> {
  const [row] = await admin.unsafe<[{ bytes: number }]>(
    `select pg_total_relation_size('${table}')::float8 / greatest(count(*), 1) as bytes from ${table}`,
  )
  return row.bytes
}

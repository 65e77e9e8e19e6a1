// Who gets no new tokens for now. Either table's trigger raises the tenant's config epoch, also where nothing changes: a revocation
// counts on that.

import { sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'

export type SuspendedTable = 'mayfly.agent' | 'mayfly.trust_source'

/** False: there is no such row. trx: of the tenant. */
export async function setSuspended(trx: Trx, table: SuspendedTable, id: string, suspended: boolean): Promise<boolean> {
  const result = await sql`update ${sql.table(table)}
    set suspended_at = case when ${suspended} then coalesce(suspended_at, clock_timestamp()) end where id = ${id}::uuid`.execute(
    trx,
  )
  return result.numAffectedRows === 1n
}

/** Since when; null: it is not suspended; undefined: there is no such row. db: of the tenant. */
export async function findSuspended(db: Db, table: SuspendedTable, id: string): Promise<Date | null | undefined> {
  const { rows } = await sql<{ at: Date | null }>`
    select suspended_at as at from ${sql.table(table)} where id = ${id}::uuid`.execute(db)
  return rows[0]?.at
}

/** Raises the config epoch of a tenant of which nothing else changes: tokens of before can be told from those after. */
export async function raiseConfigEpoch(trx: Trx, tenantId: string): Promise<void> {
  await sql`update mayfly.tenant set config_epoch = config_epoch + 1 where id = ${tenantId}::uuid`.execute(trx)
  await sql`select pg_notify('mayfly_config', ${tenantId})`.execute(trx)
}

/** Agents that come by the word of a trust source: their rules name it, or they enrolled by it, or through the built-in CA that it is. */
export async function readAgentsVouchedFor(trx: Trx, tenantId: string, trustSourceId: string): Promise<string[]> {
  const wanted = JSON.stringify([{ trust_source: trustSourceId }])
  const { rows } = await sql<{ id: string }>`
    select a.id from mayfly.agent a where a.tenant_id = ${tenantId} and a.rules @> ${wanted}::text::jsonb
    union select e.agent_id from mayfly.enrolment e where e.tenant_id = ${tenantId} and (e.trust_source_id = ${trustSourceId}
      or exists (select from mayfly.trust_source s where s.id = ${trustSourceId} and s.kind = 'builtin_ca'))
    order by 1`.execute(trx)
  return rows.map(row => row.id)
}

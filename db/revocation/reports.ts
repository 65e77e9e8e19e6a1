import { sql } from 'kysely'
import type { Sql } from 'postgres'
import type { Trx } from '../connect.ts'

/** A revocation that the log has not been told the end of. */
export interface UnreportedRevocation {
  /** uuids */
  readonly tenantId: string
  readonly shard: string
  readonly id: string
  /** The last entry of the feed that it made. */
  readonly epoch: number
  /** When it was committed, seconds since the epoch. */
  readonly atSeconds: number
  /** Guards that were listening then; of them, those that have said that they apply it. */
  readonly receivers: number
  readonly acknowledged: number
  /** From the commit; null: nobody has. */
  readonly firstMs: number | null
  readonly lastMs: number | null
  /** All have, or it has been waited for long enough. */
  readonly ready: boolean
}

/** Those of all tenants, in the order of their epochs within each. */
export async function readUnreported(sql: Sql, limit: number, patienceSeconds: number): Promise<UnreportedRevocation[]> {
  const rows = await sql<(Omit<UnreportedRevocation, 'epoch'> & { readonly epoch: bigint })[]>`
    select tenant_id as "tenantId", shard, id, epoch, at_seconds as "atSeconds", receivers, acknowledged, first_ms as "firstMs",
           last_ms as "lastMs", ready
      from across.unreported_revocations(${limit}, ${patienceSeconds})`
  return rows.map(row => ({ ...row, epoch: Number(row.epoch) }))
}

/** Marks it reported. False: somebody else has, meanwhile. */
export async function keepReport(trx: Trx, { tenantId, shard, epoch }: UnreportedRevocation): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into mayfly.feed_report as r (tenant_id, shard, epoch) values (${tenantId}, ${shard}, ${epoch})
      on conflict (tenant_id) do update set shard = excluded.shard, epoch = excluded.epoch
        where r.shard <> excluded.shard or r.epoch < excluded.epoch`.execute(trx)
  return numAffectedRows === 1n
}

import { sql } from 'kysely'
import type { Sql } from 'postgres'
import type { Db, Trx } from '../connect.ts'

/** Months; null: as the deployment does. */
export interface RetentionRow {
  readonly security: number | null
  readonly standard: number | null
  readonly short: number | null
}

/** undefined: the tenant has said nothing. */
export function findRetention(db: Db, tenantId: string): Promise<RetentionRow | undefined> {
  return db
    .selectFrom('mayfly.retention')
    .select(['security', 'standard', 'short'])
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
}

export async function storeRetention(trx: Trx, tenantId: string, row: RetentionRow): Promise<void> {
  const values = { ...row, updated_at: sql<Date>`clock_timestamp()` }
  await trx
    .insertInto('mayfly.retention')
    .values({ tenant_id: tenantId, ...values })
    .onConflict(conflict => conflict.column('tenant_id').doUpdateSet(values))
    .execute()
}

/** Bodies of one class and month that are over for somebody. whole: for everybody, and nobody holds anything. */
export interface BodiesDue {
  readonly partition: string
  readonly class: 'security' | 'standard' | 'short'
  /** YYYY-MM */
  readonly month: string
  readonly whole: boolean
}

export async function findBodiesDue(db: Sql): Promise<BodiesDue[]> {
  const rows = await db<BodiesDue[]>`select partition, class, month, whole from log.bodies_due()`
  return [...rows]
}

/** Drops a month of a class, with its event. False: it is not over for everybody any more. Throws where readers do not let go in time. */
export async function dropBodies(
  db: Sql,
  partition: string,
  event: { readonly leaf: string; readonly body: string },
): Promise<boolean> {
  const [row] = await db<[{ done: boolean }]>`select log.drop_bodies(${partition}, ${event.leaf}, ${event.body}) as done`
  return row.done
}

/** The positions from the first body of a partition that is due up to its last; undefined: it has none. */
export async function findExtent(
  db: Sql,
  partition: string,
): Promise<{ readonly first: bigint; readonly last: bigint } | undefined> {
  const [row] = await db<
    [{ first: bigint | null; last: bigint | null }]
  >`select first, last from log.extent_of_bodies(${partition})`
  return row.first === null || row.last === null ? undefined : { first: row.first, last: row.last }
}

/** Deletes of [from, to) what is over for its tenant and not held; returns how many. */
export async function thinBodies(db: Sql, partition: string, from: bigint, to: bigint): Promise<number> {
  const [row] = await db<[{ count: number }]>`
    select log.thin_bodies(${partition}, ${String(from)}::bigint, ${String(to)}::bigint)::float8 as count`
  return row.count
}

// Every row that holds something sealed under a key-encryption key. A test compares the list with the catalog, so a new
// table cannot be forgotten when that key is changed.

import { sql } from 'kysely'
import type { Trx } from '../connect.ts'
import type { Executor } from '../unscoped-db.ts'

export const sealedTables = [
  { table: 'mayfly.signing_key', column: 'private_sealed', purpose: 'signing-key' },
  { table: 'mayfly.ca_key', column: 'private_sealed', purpose: 'ca-key' },
  { table: 'mayfly.subject_key', column: 'key_sealed', purpose: 'subject-key' },
  { table: 'mayfly.erasure_key', column: 'key_sealed', purpose: 'erasure-key' },
  { table: 'mayfly.sign_in_client_secret', column: 'secret_sealed', purpose: 'client-secret' },
  { table: 'mayfly.connector', column: 'admin_sealed', purpose: 'connector' },
  { table: 'mayfly.webhook', column: 'secret_sealed', purpose: 'webhook' },
  { table: 'mayfly.ssf_stream', column: 'authorization_sealed', purpose: 'stream' },
] as const
export type SealedTable = (typeof sealedTables)[number]

export interface SealedCount {
  readonly table: SealedTable['table']
  readonly kekId: string
  readonly rows: number
}

/** Blocks of a table that one statement reads: 256 MB. */
const countBlocks = 32_768

/**
 * How many rows are sealed under which key-encryption key. Reads every row, in stretches, so that no statement takes long.
 * A row that is sealed anew meanwhile may be counted under either key, twice, or not at all.
 */
export async function countSealedRows(db: Executor): Promise<SealedCount[]> {
  const counts: SealedCount[] = []
  for (const { table, column } of sealedTables) {
    const byKey = new Map<string, number>()
    const blocks = await countTableBlocks(db, table)
    for (let from = 0; from < blocks; from += countBlocks) {
      const { rows } = await sql<{ kekId: string; rows: number }>`
        select kek_id as "kekId", rows::int as rows
          from across.count_sealed(${table}, ${column}, ${from}, ${from + countBlocks})`.execute(db)
      for (const { kekId, rows: found } of rows) byKey.set(kekId, (byKey.get(kekId) ?? 0) + found)
    }
    for (const [kekId, rows] of byKey) counts.push({ table, kekId, rows })
  }
  return counts
}

async function countTableBlocks(db: Executor, table: string): Promise<number> {
  const { rows } = await sql<{ blocks: number }>`
    select (pg_relation_size(${table}::regclass) / current_setting('block_size')::int)::int as blocks`.execute(db)
  return rows[0]!.blocks
}

export interface SealedRow {
  readonly id: string
  readonly tenantId: string
  readonly kekId: string
  readonly sealed: Buffer
}

/**
 * Looks at the next `limit` rows behind `afterId` and holds those that are sealed under another key than `kekId`.
 * last: the id to go on behind; null: there are no more rows.
 */
export async function lockRowsSealedOtherwise(
  trx: Trx,
  { table, column }: SealedTable,
  scan: { readonly kekId: string; readonly afterId: string | null; readonly limit: number },
): Promise<{ readonly rows: SealedRow[]; readonly last: string | null }> {
  const page = await sql<{ last: string | null }>`
    select across.next_sealed(${table}, ${column}, ${scan.afterId}, ${scan.limit}) as last`.execute(trx)
  const { last } = page.rows[0]!
  if (last === null) return { rows: [], last }
  const { rows } = await sql<SealedRow>`
    select id, tenant_id as "tenantId", kek_id as "kekId", sealed
      from across.lock_sealed_otherwise(${table}, ${column}, ${scan.kekId}, ${scan.afterId}, ${last})`.execute(trx)
  return { rows, last }
}

/** Replaces the envelopes of rows that are held. */
export async function resealRows(
  trx: Trx,
  { table, column }: SealedTable,
  kekId: string,
  rows: readonly { readonly id: string; readonly sealed: Buffer }[],
): Promise<void> {
  const values = JSON.stringify(rows.map(({ id, sealed }) => ({ id, sealed: sealed.toString('hex') })))
  await sql`select across.reseal(${table}, ${column}, ${kekId}, ${values}::text::jsonb)`.execute(trx)
}

export interface RewrapOrder {
  readonly kek_id: string
  readonly requested_at: Date
  readonly finished_at: Date | null
  readonly rewrapped: bigint
}

const orderColumns = ['kek_id', 'requested_at', 'finished_at', 'rewrapped'] as const

export async function findRewrapOrder(db: Executor): Promise<RewrapOrder | undefined> {
  const { rows } = await sql<RewrapOrder>`
    select kek_id, requested_at, finished_at, rewrapped from mayfly.key_rewrap where id = 1`.execute(db)
  return rows[0]
}

/** Only one at a time carries the order out; who comes second waits here. */
export function lockRewrapOrder(trx: Trx): Promise<RewrapOrder | undefined> {
  return trx.selectFrom('mayfly.key_rewrap').select(orderColumns).where('id', '=', 1).forUpdate().executeTakeFirst()
}

export async function storeRewrapOrder(trx: Trx, kekId: string): Promise<void> {
  const order = { kek_id: kekId, requested_at: sql<Date>`clock_timestamp()`, finished_at: null, rewrapped: 0 }
  await trx
    .insertInto('mayfly.key_rewrap')
    .values({ id: 1, ...order })
    .onConflict(conflict => conflict.column('id').doUpdateSet(order))
    .execute()
}

export async function addRewrapped(trx: Trx, count: number): Promise<void> {
  await sql`update mayfly.key_rewrap set rewrapped = rewrapped + ${count} where id = 1`.execute(trx)
}

export async function finishRewrapOrder(trx: Trx): Promise<void> {
  await sql`update mayfly.key_rewrap set finished_at = clock_timestamp() where id = 1`.execute(trx)
}

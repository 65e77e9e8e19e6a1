// Every row that holds something sealed under a key-encryption key. A test compares the list with the catalog, so a new
// table cannot be forgotten when that key is changed.

import { sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'

export const sealedTables = [
  { table: 'mayfly.signing_key', column: 'private_sealed', purpose: 'signing-key' },
  { table: 'mayfly.ca_key', column: 'private_sealed', purpose: 'ca-key' },
  { table: 'mayfly.subject_key', column: 'key_sealed', purpose: 'subject-key' },
  { table: 'mayfly.sign_in_client_secret', column: 'secret_sealed', purpose: 'client-secret' },
  { table: 'mayfly.connector', column: 'admin_sealed', purpose: 'connector' },
  { table: 'mayfly.webhook', column: 'secret_sealed', purpose: 'webhook' },
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
export async function countSealedRows(db: Db): Promise<SealedCount[]> {
  const counts: SealedCount[] = []
  for (const { table } of sealedTables) {
    const byKey = new Map<string, number>()
    const blocks = await countTableBlocks(db, table)
    for (let from = 0; from < blocks; from += countBlocks) {
      const { rows } = await sql<{ kekId: string; rows: number }>`
        select kek_id as "kekId", count(*)::int as rows from ${sql.table(table)}
         where ctid >= ${`(${from},0)`}::tid and ctid < ${`(${from + countBlocks},0)`}::tid and kek_id is not null
         group by kek_id`.execute(db)
      for (const { kekId, rows: found } of rows) byKey.set(kekId, (byKey.get(kekId) ?? 0) + found)
    }
    for (const [kekId, rows] of byKey) counts.push({ table, kekId, rows })
  }
  return counts
}

async function countTableBlocks(db: Db, table: string): Promise<number> {
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
  const page = await sql<{ id: string; wanted: boolean }>`
    select id, kek_id is not null and kek_id <> ${scan.kekId} as wanted from ${sql.table(table)}
     where ${scan.afterId}::uuid is null or id > ${scan.afterId} order by id limit ${scan.limit}`.execute(trx)
  const last = page.rows.at(-1)?.id ?? null
  const wanted = page.rows.filter(row => row.wanted).map(row => row.id)
  if (wanted.length === 0) return { rows: [], last }
  const { rows } = await sql<SealedRow>`
    select id, tenant_id as "tenantId", kek_id as "kekId", ${sql.ref(column)} as sealed from ${sql.table(table)}
     where id in (${sql.join(wanted)}) and kek_id <> ${scan.kekId} order by id for no key update`.execute(trx)
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
  await sql`
    update ${sql.table(table)} t set ${sql.ref(column)} = decode(v.sealed, 'hex'), kek_id = ${kekId}
      from jsonb_to_recordset(${values}::text::jsonb) v(id uuid, sealed text) where t.id = v.id`.execute(trx)
}

export interface RewrapOrder {
  readonly kek_id: string
  readonly requested_at: Date
  readonly finished_at: Date | null
  readonly rewrapped: bigint
}

const orderColumns = ['kek_id', 'requested_at', 'finished_at', 'rewrapped'] as const

export function findRewrapOrder(db: Db): Promise<RewrapOrder | undefined> {
  return db.selectFrom('mayfly.key_rewrap').select(orderColumns).where('id', '=', 1).executeTakeFirst()
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

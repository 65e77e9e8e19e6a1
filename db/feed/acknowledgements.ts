import type { Sql } from 'postgres'
import { arrayText } from '../array-text.ts'

/** A receiver, which is one process of a guard, has applied its tenant's feed up to an epoch. */
export interface Acknowledgement {
  /** uuids */
  readonly tenantId: string
  readonly receiverId: string
  readonly resourceId: string
  /** Without a character that an array's text would have to quote. */
  readonly name: string
  readonly shard: string
  readonly epoch: number
  /** When it said so, on the database's clock, milliseconds since the epoch. */
  readonly atMs: number
  /** It ends: nobody need wait for it any more. */
  readonly leaves?: boolean
}

/** Writes them in one round trip. Those of another shard than the feed's, or for another resource's receiver, are left out. */
export async function writeAcknowledgements(sql: Sql, rows: readonly Acknowledgement[]): Promise<void> {
  const array = (read: (row: Acknowledgement) => string | number): string => arrayText(rows.map(read))
  await sql`select across.note_receivers(${array(row => row.tenantId)}::text::uuid[], ${array(row => row.receiverId)}::text::uuid[],
    ${array(row => row.resourceId)}::text::uuid[], ${array(row => row.name)}::text::text[], ${array(row => row.shard)}::text::uuid[],
    ${array(row => row.epoch)}::text::bigint[], ${array(row => row.atMs / 1000)}::text::double precision[],
    ${array(row => String(row.leaves ?? false))}::text::boolean[])`
}

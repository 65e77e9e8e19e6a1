import type { Sql } from 'postgres'
import { arrayText } from '../array-text.ts'

/** A row of `core/feed/acknowledgements.ts`; names have no character that an array's text would have to quote. */
export interface AcknowledgementRow {
  readonly tenantId: string
  readonly receiverId: string
  readonly resourceId: string
  readonly name: string
  readonly shard: string
  readonly epoch: number
  readonly atMs: number
  readonly leaves?: boolean
}

/** Writes them in one round trip. Those of another shard than the feed's, or for another resource's receiver, are left out. */
export async function writeAcknowledgements(sql: Sql, rows: readonly AcknowledgementRow[]): Promise<void> {
  const array = (read: (row: AcknowledgementRow) => string | number): string => arrayText(rows.map(read))
  await sql`select across.note_receivers(${array(row => row.tenantId)}::text::uuid[], ${array(row => row.receiverId)}::text::uuid[],
    ${array(row => row.resourceId)}::text::uuid[], ${array(row => row.name)}::text::text[], ${array(row => row.shard)}::text::uuid[],
    ${array(row => row.epoch)}::text::bigint[], ${array(row => row.atMs / 1000)}::text::double precision[],
    ${array(row => String(row.leaves ?? false))}::text::boolean[])`
}

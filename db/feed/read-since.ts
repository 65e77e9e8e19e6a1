import type { Sql } from 'postgres'
import type { FeedEntryRow, FeedHead } from '../revocation/feed.ts'

export interface FeedSince {
  readonly head: FeedHead
  /** What may still match a token, in order. */
  readonly entries: readonly FeedEntryRow[]
  /** When the last of them was committed, milliseconds since the epoch; undefined: there is none. */
  readonly lastAtMs: number | undefined
}

interface Row {
  readonly shard: string
  readonly head: bigint
  readonly database_ms: number
  readonly epoch: bigint | null
  readonly kind: FeedEntryRow['kind']
  readonly match: Buffer
  readonly least: bigint | null
  readonly until: number
  readonly at_ms: number
}

/** What came after an epoch of a tenant's feed, and the head that it is as of: one round trip. Throws on a standby. */
export async function readFeedSince(sql: Sql, tenantId: string, epoch: number): Promise<FeedSince> {
  const rows = await sql<Row[]>`select * from across.feed_since(${tenantId}::uuid, ${epoch}::bigint)`
  const [first] = rows
  if (!first) throw new Error(`tenant ${tenantId} has no feed`)
  const head = { tenantId, shard: first.shard, epoch: Number(first.head), databaseMs: first.database_ms }
  if (first.epoch === null) return { head, entries: [], lastAtMs: undefined }
  const entries = rows.map(row => ({
    epoch: Number(row.epoch),
    kind: row.kind,
    match: row.match,
    least: row.least === null ? null : Number(row.least),
    untilSeconds: row.until,
  }))
  return { head, entries, lastAtMs: rows.at(-1)!.at_ms }
}

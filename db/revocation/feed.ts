import { sql } from 'kysely'
import { arrayText } from '../array-text.ts'
import type { Db } from '../connect.ts'
import type { Executor } from '../unscoped-db.ts'

/** How far a tenant's feed has come. An epoch means something only within its shard. */
export interface FeedHead {
  readonly tenantId: string
  /** uuid */
  readonly shard: string
  readonly epoch: number
  /** The database's clock at the read, milliseconds since the epoch. */
  readonly databaseMs: number
}

export interface FeedEntryRow {
  readonly epoch: number
  readonly kind: 'a' | 'x' | 'j' | 'c' | 'k' | 't'
  /** 16 bytes */
  readonly match: Buffer
  readonly least: number | null
  readonly untilSeconds: number
}

/** Of these tenants, in one round trip. Throws on a standby: what it has not heard of yet would be called good. */
export async function readFeedHeads(db: Executor, tenantIds: readonly string[]): Promise<FeedHead[]> {
  const { rows } = await sql<FeedHead>`
    select tenant_id as "tenantId", shard, epoch::float8 as epoch, database_ms as "databaseMs"
      from across.feed_heads(${arrayText(tenantIds)}::text::uuid[])`.execute(db)
  return rows
}

/** Everything that may still match a token, and the head that it is as of: one statement, one snapshot. db: of the tenant. */
export async function readFeedSnapshot(db: Db, tenantId: string): Promise<{ head: FeedHead; entries: FeedEntryRow[] }> {
  const { rows } = await sql<FeedHead & { entry: FeedEntryRow | null; match: Buffer | null }>`
    select f.tenant_id as "tenantId", f.shard, f.epoch::float8 as epoch, extract(epoch from clock_timestamp())::float8 * 1000 as "databaseMs",
           case when r.epoch is not null then jsonb_build_object('epoch', r.epoch, 'kind', r.kind, 'least', r.least,
             'untilSeconds', extract(epoch from r.until)) end as entry, r.match
      from mayfly.feed f
      left join mayfly.revocation r on r.tenant_id = f.tenant_id and r.until > clock_timestamp()
     where f.tenant_id = ${tenantId} order by r.epoch`.execute(db)
  const [first] = rows
  if (!first) throw new Error(`tenant ${tenantId} has no feed`)
  const { entry: _, match: __, ...head } = first
  return { head, entries: rows.flatMap(({ entry, match }) => (entry && match ? [{ ...entry, match }] : [])) }
}

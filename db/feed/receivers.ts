import { sql } from 'kysely'
import type { Db } from '../connect.ts'

/** One process of a guard. */
export interface FeedReceiver {
  readonly name: string
  /** uuid that the process made up. */
  readonly instance: string
  /** uuid */
  readonly resourceId: string
  readonly resourceUri: string
  readonly seenAt: Date
}

export interface Receivers {
  /** ms: from the commit of the epoch until the broker was told that it is applied; undefined: the epoch's row is gone. */
  readonly acknowledged: readonly (FeedReceiver & { readonly at: Date; readonly ms: number | undefined })[]
  /** Heard of within the last minute, not as far, and not gone since. */
  readonly waiting: readonly FeedReceiver[]
}

interface Row extends FeedReceiver {
  readonly at: Date | null
  readonly ms: number | null
}

/** Longer than twice what a guard leaves between two signs of life. */
const seenWithinSeconds = 60

/**
 * Which receivers have come as far as an epoch of their tenant's feed, and which have not. Whoever came after the epoch began with
 * it and is not told of, while the epoch's row is there. db: of the tenant.
 */
export async function receiversOf(db: Db, tenantId: string, epoch: number): Promise<Receivers> {
  const { rows } = await sql<Row>`
    select r.name, r.id as instance, r.resource_id as "resourceId", s.uri as "resourceUri", r.seen_at as "seenAt", a.at,
           extract(epoch from a.at - v.at)::float8 * 1000 as ms
      from mayfly.feed f
      join mayfly.feed_receiver r on r.tenant_id = f.tenant_id and r.shard = f.shard
      join mayfly.resource s on s.tenant_id = r.tenant_id and s.id = r.resource_id
      left join mayfly.revocation v on v.tenant_id = f.tenant_id and v.epoch = ${epoch}
      left join lateral (
        select k.at from mayfly.feed_acknowledgement k
         where k.tenant_id = r.tenant_id and k.receiver_id = r.id and k.epoch >= ${epoch} order by k.epoch limit 1) a on true
     where f.tenant_id = ${tenantId} and (v.at is null or r.first_seen_at <= v.at)
       and (a.at is not null or not r.gone and r.seen_at > clock_timestamp() - make_interval(secs => ${seenWithinSeconds}))
     order by a.at, r.name, r.id`.execute(db)
  return {
    acknowledged: rows.flatMap(({ at, ms, ...receiver }) =>
      at === null ? [] : [{ ...receiver, at, ms: ms === null ? undefined : Math.max(0, ms) }],
    ),
    waiting: rows.flatMap(({ at, ms: _, ...receiver }) => (at === null ? [receiver] : [])),
  }
}

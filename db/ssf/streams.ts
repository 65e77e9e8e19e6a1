import { sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'
import type { Page } from '../registry/page.ts'

export type StreamStatus = 'enabled' | 'paused' | 'disabled'

/** What a receiver sets of its stream. */
export interface StreamSettings {
  readonly description: string | null
  /** null: all that there are. */
  readonly events_requested: readonly string[] | null
  readonly method: 'push' | 'poll'
  /** null: polled. */
  readonly endpoint_url: string | null
  readonly authorization_sealed: Buffer | null
  readonly kek_id: string | null
}

export interface StreamRow extends StreamSettings {
  readonly id: string
  readonly tenant_id: string
  readonly receiver_id: string
  readonly issuer: string
  readonly status: StreamStatus
  readonly status_reason: string | null
  /** Of the tenant's feed; `cursor` and `ahead` mean something in it alone. */
  readonly shard: string
  readonly cursor: number
  readonly ahead: readonly (readonly [number, number])[]
  readonly taken_at: Date | null
  readonly failures: number
  readonly failure: string | null
  readonly failure_status: number | null
  readonly hold_until: Date | null
  readonly lease: string | null
  readonly created_at: Date
  readonly updated_at: Date
}

/** With what others say of it: its receiver, the tenant's feed, what was set aside. */
export interface StreamView extends StreamRow {
  readonly receiver_name: string
  readonly audience: string
  readonly ca_pem: string | null
  readonly feed_shard: string
  readonly feed_epoch: number
  /** Since when the oldest event waits that was not taken; null: none does. */
  readonly waiting_since: Date | null
  readonly dead_letters: number
}

const own = sql`s.id, s.tenant_id, s.receiver_id, s.issuer, s.description, s.events_requested, s.method, s.endpoint_url, s.authorization_sealed,
  s.kek_id, s.status, s.status_reason, s.shard, s.cursor::float8 as cursor, s.ahead, s.taken_at, s.failures, s.failure, s.failure_status,
  nullif(s.hold_until, '-infinity') as hold_until, s.lease, s.created_at, s.updated_at`

export async function insertStream(
  trx: Trx,
  row: StreamSettings & Pick<StreamRow, 'id' | 'tenant_id' | 'receiver_id' | 'issuer'>,
): Promise<void> {
  const { events_requested: events, ...rest } = row
  // From the first revocation on that is still in force: a receiver that begins today must not accept what was revoked yesterday.
  const begin = sql<bigint>`(select coalesce(min(r.epoch) - 1, (select f.epoch from mayfly.feed f where f.tenant_id = ${row.tenant_id}))
    from mayfly.revocation r where r.tenant_id = ${row.tenant_id} and r.until > clock_timestamp())`
  const shard = sql<string>`(select f.shard from mayfly.feed f where f.tenant_id = ${row.tenant_id})`
  await trx
    .insertInto('mayfly.ssf_stream')
    .values({ ...rest, events_requested: jsonOf(events), cursor: begin, shard })
    .execute()
}

export const countStreams = async (trx: Trx, receiverId: string): Promise<number> => {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from mayfly.ssf_stream where receiver_id = ${receiverId}`.execute(trx)
  return rows[0]!.count
}

/** One at a time for each receiver, until the transaction ends; false: it is gone. */
export async function holdReceiver(trx: Trx, receiverId: string): Promise<boolean> {
  const { rows } = await sql`select from mayfly.ssf_receiver where id = ${receiverId} for update`.execute(trx)
  return rows.length > 0
}

/** The stream, held until the transaction ends. */
export async function lockStream(trx: Trx, id: string, receiverId?: string): Promise<StreamRow | undefined> {
  const { rows } = await sql<StreamRow>`
    select ${own} from mayfly.ssf_stream s
     where s.id = ${id} and (${receiverId ?? null}::uuid is null or s.receiver_id = ${receiverId ?? null}) for update`.execute(
    trx,
  )
  return rows[0]
}

const views = sql`
  select ${own}, c.name as receiver_name, c.audience, c.ca_pem, f.shard as feed_shard, f.epoch::float8 as feed_epoch, n.at as waiting_since,
         (select count(*)::int from mayfly.ssf_dead_letter d where d.stream_id = s.id) as dead_letters
    from mayfly.ssf_stream s join mayfly.ssf_receiver c on c.id = s.receiver_id join mayfly.feed f on f.tenant_id = s.tenant_id
    left join lateral (select r.at from mayfly.revocation r where r.tenant_id = s.tenant_id and s.shard = f.shard and r.epoch > s.cursor
      order by r.epoch limit 1) n on true`

export async function listStreams(
  db: Db,
  scope: { readonly tenantId: string; readonly receiverId?: string },
  page: Page,
): Promise<StreamView[]> {
  const { rows } = await sql<StreamView>`${views}
    where s.tenant_id = ${scope.tenantId} and (${scope.receiverId ?? null}::uuid is null or s.receiver_id = ${scope.receiverId ?? null})
      and (${page.afterId ?? null}::uuid is null or s.id > ${page.afterId ?? null}) order by s.id limit ${page.limit}`.execute(db)
  return rows
}

export async function findStream(
  db: Db,
  scope: { readonly tenantId: string; readonly receiverId?: string },
  id: string,
): Promise<StreamView | undefined> {
  const { rows } = await sql<StreamView>`${views}
    where s.id = ${id} and s.tenant_id = ${scope.tenantId}
      and (${scope.receiverId ?? null}::uuid is null or s.receiver_id = ${scope.receiverId ?? null})`.execute(db)
  return rows[0]
}

/** What failed before is tried again at once. */
export async function updateStreamSettings(trx: Trx, id: string, settings: StreamSettings): Promise<void> {
  const { events_requested: events, ...rest } = settings
  await trx
    .updateTable('mayfly.ssf_stream')
    .set({ ...rest, events_requested: jsonOf(events), ...unfailed, updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .execute()
}

/** skip: what happened until now is not sent (any more). */
export async function updateStreamStatus(
  trx: Trx,
  id: string,
  values: { readonly status: StreamStatus; readonly reason: string | null; readonly skip: boolean },
): Promise<void> {
  await sql`
    update mayfly.ssf_stream s set status = ${values.status}, status_reason = ${values.reason}, failures = 0, failure = null, failure_status = null,
        hold_until = '-infinity', updated_at = clock_timestamp(),
        cursor = case when ${values.skip} then f.epoch else s.cursor end,
        ahead = case when ${values.skip} then '[]'::jsonb else s.ahead end,
        shard = case when ${values.skip} then f.shard else s.shard end
      from mayfly.feed f where f.tenant_id = s.tenant_id and s.id = ${id}`.execute(trx)
}

const unfailed = { failures: 0, failure: null, failure_status: null, hold_until: sql<Date>`'-infinity'` }

/** pg would write a list as an array of PostgreSQL's own. */
const jsonOf = (value: unknown) => (value === null ? null : sql`${JSON.stringify(value)}::text::jsonb`)

export async function deleteStream(trx: Trx, id: string): Promise<void> {
  await trx.deleteFrom('mayfly.ssf_stream').where('id', '=', id).execute()
}

import { sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'

export interface RevocationEventRow {
  readonly epoch: number
  readonly id: string
  readonly atMs: number
  readonly kind: 'a' | 'x' | 'j' | 'c' | 'k' | 't'
  readonly subject: string
  readonly least: number | null
  readonly cause: string
  readonly by: unknown
}

/** Rows of the tenant's feed behind an epoch, in order, whether they are still in force or not. */
export async function readRevocationEvents(
  db: Db | Trx,
  tenantId: string,
  afterEpoch: number,
  limit: number,
): Promise<RevocationEventRow[]> {
  const { rows } = await sql<RevocationEventRow>`
    select r.epoch::float8 as epoch, r.id, floor(extract(epoch from r.at) * 1000)::float8 as "atMs", r.kind, r.subject, r.least::float8 as least,
           r.cause, r.actor as by
      from mayfly.revocation r where r.tenant_id = ${tenantId} and r.epoch > ${afterEpoch} order by r.epoch limit ${limit}`.execute(
    db,
  )
  return rows
}

/** One row of the feed; undefined: it is forgotten. */
export async function findRevocationEvent(
  db: Db | Trx,
  tenantId: string,
  epoch: number,
): Promise<RevocationEventRow | undefined> {
  const [row] = await readRevocationEvents(db, tenantId, epoch - 1, 1)
  return row?.epoch === epoch ? row : undefined
}

export type NoticeType = 'verification' | 'stream-updated'

export interface NoticeRow {
  readonly id: string
  readonly type: NoticeType
  /** Of the SET, without those that every one has. */
  readonly claims: unknown
  readonly atMs: number
}

export async function readNotices(db: Db | Trx, streamId: string, limit: number): Promise<NoticeRow[]> {
  const { rows } = await sql<NoticeRow>`
    select n.id, n.type, n.claims, floor(extract(epoch from n.at) * 1000)::float8 as "atMs"
      from mayfly.ssf_notice n where n.stream_id = ${streamId} order by n.place limit ${limit}`.execute(db)
  return rows
}

/** Takes the place of those of its type that nobody has taken yet. */
export async function replaceNotice(
  trx: Trx,
  stream: { readonly id: string; readonly tenantId: string },
  notice: { readonly id: string; readonly type: NoticeType; readonly claims: object },
): Promise<void> {
  await sql`delete from mayfly.ssf_notice where stream_id = ${stream.id} and type = ${notice.type}`.execute(trx)
  await sql`insert into mayfly.ssf_notice (id, tenant_id, stream_id, type, claims)
    values (${notice.id}, ${stream.tenantId}, ${stream.id}, ${notice.type}, ${JSON.stringify(notice.claims)}::text::jsonb)`.execute(
    trx,
  )
  await announceStream(trx, stream.tenantId)
}

export async function deleteNotices(trx: Trx, streamId: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await trx
    .deleteFrom('mayfly.ssf_notice')
    .where('stream_id', '=', streamId)
    .where('id', 'in', [...ids])
    .execute()
}

/** Tells workers and waiting polls that a stream of the tenant has something to send; with the commit. */
export async function announceStream(trx: Trx, tenantId: string): Promise<void> {
  await sql`select pg_notify('mayfly_ssf', ${tenantId})`.execute(trx)
}

/** False: it was verified less than so many seconds ago. */
export async function beginVerification(trx: Trx, streamId: string, intervalSeconds: number): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update mayfly.ssf_stream set verified_at = clock_timestamp()
     where id = ${streamId} and verified_at < clock_timestamp() - make_interval(secs => ${intervalSeconds})`.execute(trx)
  return numAffectedRows === 1n
}

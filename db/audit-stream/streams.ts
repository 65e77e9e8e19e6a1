// Webhooks that are sent the log: how far each has come, and who sends at the moment.

import { type RawBuilder, sql } from 'kysely'
import type { Sql } from 'postgres'
import { arrayText } from '../array-text.ts'
import type { Db, Trx } from '../connect.ts'

export interface AuditStreamRow {
  readonly webhookId: string
  /** The next entry that it has neither taken nor does not want. */
  readonly position: number
  /** Where the last message ended that it has taken. */
  readonly told: number
  /** Where the message under way ends; null: none has been tried. */
  readonly upto: number | null
  readonly takenAt: Date | null
  readonly holdUntil: Date
  readonly failures: number
  readonly failure: string | null
  readonly failureStatus: number | null
  readonly parked: boolean
  readonly lease: string | null
}

const inSeconds = (seconds: number): RawBuilder<Date> => sql<Date>`clock_timestamp() + make_interval(secs => ${seconds})`

/** It begins with the log's next entry, or with the first one that there ever was. */
export async function insertAuditStream(
  trx: Trx,
  stream: { readonly webhookId: string; readonly tenantId: string; readonly begin: 'now' | 'start' },
): Promise<void> {
  const { webhookId, tenantId, begin } = stream
  await sql`
    insert into mayfly.audit_stream (webhook_id, tenant_id, position, told)
      select ${webhookId}, ${tenantId}, p.position, p.position from log.head h, lateral (select case when ${begin} = 'start' then 0 else h.size end) p(position) where h.id = 1`.execute(
    trx,
  )
}

export async function deleteAuditStream(trx: Trx, webhookId: string): Promise<void> {
  await trx.deleteFrom('mayfly.audit_stream').where('webhook_id', '=', webhookId).execute()
}

/** What it wants has changed: the message under way is made anew, and what failed is tried at once. False: there is none. */
export async function restartAuditStream(trx: Trx, webhookId: string): Promise<boolean> {
  const result = await trx
    .updateTable('mayfly.audit_stream')
    .set({ upto: null, failures: 0, failure: null, failure_status: null, parked: false, lease: null, ...free })
    .where('webhook_id', '=', webhookId)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** What failed is tried at once. False: there is none. */
export async function retryAuditStream(trx: Trx, webhookId: string): Promise<boolean> {
  const result = await trx
    .updateTable('mayfly.audit_stream')
    .set({ hold_until: never })
    .where('webhook_id', '=', webhookId)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

const never = sql<Date>`'-infinity'`
const free = { hold_until: never, leased_until: never }

export async function findAuditStream(db: Db | Trx, webhookId: string, lock = false): Promise<AuditStreamRow | undefined> {
  let query = db
    .selectFrom('mayfly.audit_stream')
    .select(eb => [
      'webhook_id as webhookId',
      sql<number>`position::float8`.as('position'),
      sql<number>`told::float8`.as('told'),
      sql<number | null>`upto::float8`.as('upto'),
      'taken_at as takenAt',
      'hold_until as holdUntil',
      'failures',
      'failure',
      'failure_status as failureStatus',
      'parked',
      eb.ref('lease').as('lease'),
    ])
    .where('webhook_id', '=', webhookId)
  if (lock) query = query.forUpdate()
  return query.executeTakeFirst() as Promise<AuditStreamRow | undefined>
}

export interface LeasedAuditStream {
  readonly webhookId: string
  readonly tenantId: string
  /** uuid: who holds it. */
  readonly lease: string
}

/** Streams that are behind the log. busy: a tenant as often as it has something under way; each: how much that may be. */
export async function leaseAuditStreams(
  sqlOf: Sql,
  terms: { readonly limit: number; readonly each: number; readonly leaseSeconds: number; readonly busy: readonly string[] },
): Promise<LeasedAuditStream[]> {
  const { limit, each, leaseSeconds, busy } = terms
  return sqlOf<LeasedAuditStream[]>`
    select webhook_id as "webhookId", tenant_id as "tenantId", lease
      from across.lease_audit_streams(${limit}::integer, ${each}::integer, ${leaseSeconds}::float8, ${arrayText(busy)}::text::uuid[])`
}

/** Says what is about to be sent, so that it is the same when it is sent again. False: the stream is not ours any more. */
export async function beginMessage(db: Db, stream: LeasedAuditStream, upto: number, leaseSeconds: number): Promise<boolean> {
  const result = await db
    .updateTable('mayfly.audit_stream')
    .set({ upto: String(upto), leased_until: inSeconds(leaseSeconds) })
    .where('webhook_id', '=', stream.webhookId)
    .where('lease', '=', stream.lease)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Everything before the position is settled. taken: the receiver took something. False: the stream is not ours any more. */
export async function advanceAuditStream(
  db: Db,
  stream: LeasedAuditStream,
  position: number,
  { taken, leaseSeconds }: { readonly taken: boolean; readonly leaseSeconds: number },
): Promise<boolean> {
  const healed = taken
    ? {
        told: String(position),
        taken_at: sql<Date>`clock_timestamp()`,
        failures: 0,
        failure: null,
        failure_status: null,
        parked: false,
      }
    : {}
  const result = await db
    .updateTable('mayfly.audit_stream')
    .set({ position: String(position), upto: null, leased_until: inSeconds(leaseSeconds), ...healed })
    .where('webhook_id', '=', stream.webhookId)
    .where('lease', '=', stream.lease)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

export interface FailedMessage {
  /** Null: there was no answer. */
  readonly status: number | null
  readonly failure: string
  /** For how long nothing is sent. */
  readonly holdSeconds: number
  readonly parked: boolean
}

export async function failAuditStream(db: Db | Trx, stream: LeasedAuditStream, failed: FailedMessage): Promise<void> {
  await db
    .updateTable('mayfly.audit_stream')
    .set(eb => ({
      failures: eb('failures', '+', 1),
      failure: failed.failure,
      failure_status: failed.status,
      parked: failed.parked,
      hold_until: inSeconds(failed.holdSeconds),
    }))
    .where('webhook_id', '=', stream.webhookId)
    .where('lease', '=', stream.lease)
    .execute()
}

export async function releaseAuditStream(db: Db, { webhookId, lease }: LeasedAuditStream): Promise<void> {
  await db
    .updateTable('mayfly.audit_stream')
    .set({ lease: null, leased_until: never })
    .where('webhook_id', '=', webhookId)
    .where('lease', '=', lease)
    .execute()
}

/** Leaves out the message that is not taken; its receiver will see the gap. Returns what that is, both ends included; undefined: none failed. */
export async function skipMessage(trx: Trx, webhookId: string): Promise<{ from: number; to: number } | undefined> {
  const row = await findAuditStream(trx, webhookId, true)
  if (row?.upto == null || row.failures === 0) return undefined
  await trx
    .updateTable('mayfly.audit_stream')
    .set({
      position: String(row.upto),
      told: String(row.upto),
      upto: null,
      failures: 0,
      failure: null,
      failure_status: null,
      parked: false,
      lease: null,
      ...free,
    })
    .where('webhook_id', '=', webhookId)
    .execute()
  return { from: row.position, to: row.upto - 1 }
}

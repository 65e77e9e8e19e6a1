import { sql } from 'kysely'
import { arrayText } from '../array-text.ts'
import type { Db, Trx } from '../connect.ts'
import type { Page } from '../registry/page.ts'
import type { RevocationEventRow } from './events.ts'

export interface DeadLetterRow {
  readonly id: string
  readonly shard: string
  readonly epoch: number
  /** As it stood in the feed. */
  readonly event: RevocationEventRow
  readonly err: string
  readonly description: string | null
  readonly due: boolean
  readonly at: Date
}

const columns = sql`d.id, d.shard, d.epoch::float8 as epoch, d.event, d.err, d.description, d.due, d.at`

export interface NewDeadLetter {
  readonly id: string
  readonly shard: string
  readonly event: RevocationEventRow
  readonly err: string
  readonly description: string | null
}

/** One that was set aside before waits anew for somebody. */
export async function setAside(
  trx: Trx,
  stream: { readonly id: string; readonly tenantId: string },
  letter: NewDeadLetter,
): Promise<void> {
  const { id, shard, event, err, description } = letter
  await sql`
    insert into mayfly.ssf_dead_letter (id, tenant_id, stream_id, shard, epoch, event, err, description)
      values (${id}, ${stream.tenantId}, ${stream.id}, ${shard}, ${event.epoch}, ${JSON.stringify(event)}::text::jsonb, ${err}, ${description})
      on conflict (stream_id, shard, epoch) do update set err = excluded.err, description = excluded.description, due = false,
        at = clock_timestamp()`.execute(trx)
}

export async function listDeadLetters(db: Db, streamId: string, page: Page): Promise<DeadLetterRow[]> {
  const { rows } = await sql<DeadLetterRow>`
    select ${columns} from mayfly.ssf_dead_letter d
     where d.stream_id = ${streamId} and (${page.afterId ?? null}::uuid is null or d.id > ${page.afterId ?? null})
     order by d.id limit ${page.limit}`.execute(db)
  return rows
}

/** Those that are to be sent again, in the order of their epochs. */
export async function readDueLetters(db: Db | Trx, streamId: string, limit: number): Promise<DeadLetterRow[]> {
  const { rows } = await sql<DeadLetterRow>`
    select ${columns} from mayfly.ssf_dead_letter d where d.stream_id = ${streamId} and d.due order by d.epoch limit ${limit}`.execute(
    db,
  )
  return rows
}

/** Of one shard; what is not there was sent in the usual way. */
export async function deleteLetters(trx: Trx, streamId: string, shard: string, epochs: readonly number[]): Promise<void> {
  if (epochs.length === 0) return
  await sql`delete from mayfly.ssf_dead_letter
    where stream_id = ${streamId} and shard = ${shard} and epoch = any(${arrayText(epochs)}::text::bigint[])`.execute(trx)
}

export async function findDeadLetter(
  db: Db | Trx,
  streamId: string,
  shard: string,
  epoch: number,
): Promise<DeadLetterRow | undefined> {
  const { rows } = await sql<DeadLetterRow>`
    select ${columns} from mayfly.ssf_dead_letter d where d.stream_id = ${streamId} and d.shard = ${shard} and d.epoch = ${epoch}`.execute(
    db,
  )
  return rows[0]
}

/** Has it sent again. False: there is none. */
export async function redeliverLetter(trx: Trx, streamId: string, id: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update mayfly.ssf_dead_letter set due = true where id = ${id} and stream_id = ${streamId}`.execute(trx)
  return numAffectedRows === 1n
}

/** Throws it away. False: there is none. */
export async function deleteLetter(trx: Trx, streamId: string, id: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    delete from mayfly.ssf_dead_letter where id = ${id} and stream_id = ${streamId}`.execute(trx)
  return numAffectedRows === 1n
}

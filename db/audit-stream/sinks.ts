// How far the operator's own systems have come, and who writes to them.

import type { Sql } from 'postgres'

/** A worker's hold on a sink. */
export interface SinkHold {
  readonly name: string
  /** uuid of this holder. */
  readonly lease: string
}

/** Takes hold, or keeps it. Returns the next entry that it has to be given; undefined: another worker has it. */
export async function holdSink(sql: Sql, { name, lease }: SinkHold, seconds: number, from: number): Promise<number | undefined> {
  const [row] = await sql<[{ position: number | null }]>`
    select across.hold_audit_sink(${name}, ${lease}::uuid, ${seconds}::float8, ${from}::bigint)::float8 as position`
  return row.position ?? undefined
}

/** position: the next entry it has to be given. failure null: nothing is wrong. False: it is not ours any more. */
export async function noteSink(sql: Sql, { name, lease }: SinkHold, position: number, failure: string | null): Promise<boolean> {
  const [row] = await sql<[{ held: boolean }]>`
    select across.note_audit_sink(${name}, ${lease}::uuid, ${position}::bigint, ${failure}) as held`
  return row.held
}

export async function releaseSink(sql: Sql, { name, lease }: SinkHold): Promise<void> {
  await sql`select across.release_audit_sink(${name}, ${lease}::uuid)`
}

export interface AuditBacklog {
  readonly streams: number
  readonly failing: number
  readonly parked: number
  /** Entries between where the last of them is and the end of the log. */
  readonly behind: number
  readonly sinkFailing: number
  readonly sinkBehind: number
}

export async function readAuditBacklog(sql: Sql): Promise<AuditBacklog> {
  const [row] = await sql<[AuditBacklog]>`
    select streams::float8 as streams, failing::float8 as failing, parked::float8 as parked, behind::float8 as behind,
           sink_failing::float8 as "sinkFailing", sink_behind::float8 as "sinkBehind" from across.audit_backlog()`
  return row
}

import type { Sql } from 'postgres'
import type { LogEntry } from '../log/read-entries.ts'

export interface LogHead {
  /** uuid. Positions mean something only within it: a log that was restored from a backup goes on under another one. */
  readonly shard: string
  /** How many entries there are; the next one gets this position. */
  readonly size: number
}

/** Entries below its size are all there and stay as they are: who appends holds the head until the commit. */
export async function readLogHead(sql: Sql): Promise<LogHead> {
  const [row] = await sql<[LogHead]>`select shard, size::float8 as size from log.head where id = 1`
  return row
}

/** Entries of all tenants from a position up to but without another, in order. */
export async function readLogRange(sql: Sql, from: number, to: number): Promise<LogEntry[]> {
  const rows = await sql<{ position: number; leaf: string; body: string | null }[]>`
    select position::float8 as position, leaf, body from across.read_log_range(${from}::bigint, ${to}::bigint)`
  return rows.map(({ position, leaf, body }) => ({ position, leaf, body: body ?? undefined }))
}

/** Where the entries of that time (milliseconds since the epoch) begin, give or take a few seconds. */
export async function readPositionAt(sql: Sql, ms: number): Promise<number> {
  const [row] = await sql<[{ position: number }]>`select across.log_position_at(${ms}::float8)::float8 as position`
  return row.position
}

import type { Sql } from 'postgres'

/** One leaf of the log with what its event says beyond the envelope. */
export interface LogEntry {
  readonly position: number
  /** The exact bytes that were hashed, as text. */
  readonly leaf: string
  /** undefined once retention has dropped it. */
  readonly body?: string | undefined
}

/** How many leaves the log has; the next one gets this position. */
export async function readLogSize(sql: Sql): Promise<number> {
  const [row] = await sql<[{ size: number }]>`select size::float8 as size from log.head where id = 1`
  return row.size
}

/** Leaves of all tenants from a position on, in order. */
export async function readEntries(sql: Sql, fromPosition: number, limit: number): Promise<LogEntry[]> {
  const rows = await sql<{ position: number; leaf: string; body: string | null }[]>`
    select position::float8 as position, leaf, body from across.read_log(${fromPosition}::bigint, ${limit}::bigint)`
  return rows.map(({ position, leaf, body }) => ({ position, leaf, body: body ?? undefined }))
}

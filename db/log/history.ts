// What lets a process that stays up see that the log is still the one that it saw before.

import type { Sql } from 'postgres'

export interface LogGlimpse {
  /** How many entries. */
  readonly size: number
  /** The last leaf; null: there is none. */
  readonly last: string | null
  /** The leaf that stands at the position that was asked for; null: there is none. */
  readonly asked: string | null
}

/** One snapshot, by keys alone. position: from 0; what lies below it is never there. */
export async function readLogGlimpse(sql: Sql, position: number): Promise<LogGlimpse> {
  const [row] = await sql<[LogGlimpse]>`
    select h.size::float8 as size, (select r.leaves from across.read_leaves(h.size - 1, 1) r) as last,
           (select r.leaves from across.read_leaves(${position}::bigint, 1) r) as asked
      from log.head h where h.id = 1`
  return row
}

import { sql } from 'kysely'
import type { Executor } from '#db/unscoped-db.ts'
import type { LogEntry } from './read-entries.ts'

/** Entries of all tenants from a position up to but without another, in order. A position that is not there is left out. */
export async function readEntriesBetween(db: Executor, from: number, to: number): Promise<LogEntry[]> {
  const { rows } = await sql<{ position: number; leaf: string; body: string | null }>`
    select position::float8 as position, leaf, body from across.read_log_range(${from}::bigint, ${to}::bigint)`.execute(db)
  return rows.map(({ position, leaf, body }) => ({ position, leaf, body: body ?? undefined }))
}

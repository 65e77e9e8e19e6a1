import { sql } from 'kysely'
import { arrayText } from '../array-text.ts'
import type { Executor } from '../unscoped-db.ts'

/** The permission's text of each of these ceilings that exists. They belong to no tenant: who has an id got it from its own account. */
export async function readCeilings(db: Executor, ids: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await sql<{ id: string; permission: string }>`
    select id::text as id, permission from mayfly.ceiling where id = any(${arrayText(ids)}::text::bigint[])`.execute(db)
  return new Map(rows.map(row => [row.id, row.permission]))
}

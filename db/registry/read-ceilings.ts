import type { Db } from '../connect.ts'

/** The permission's text of each of these ceilings that exists. */
export async function readCeilings(db: Db, ids: readonly string[]): Promise<Map<string, string>> {
  const rows = await db.selectFrom('mayfly.ceiling').select(['id', 'permission']).where('id', 'in', ids.map(BigInt)).execute()
  return new Map(rows.map(row => [String(row.id), row.permission]))
}

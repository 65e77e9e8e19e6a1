import type { Sql } from 'postgres'
import { arrayText } from '../array-text.ts'

/** Of these credentials (uuids), whosever they are, those that have not ended. */
export async function findLiveCredentialIds(sql: Sql, ids: readonly string[]): Promise<Set<string>> {
  const rows = await sql<{ id: string }[]>`select id from across.live_credentials(${arrayText(ids)}::text::uuid[])`
  return new Set(rows.map(row => row.id))
}

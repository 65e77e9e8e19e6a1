import { sql } from 'kysely'
import type { Executor } from '../unscoped-db.ts'

/** An account as its opening and its end tell of it, long after its row is gone. Ids are uuids. */
export interface Relative {
  readonly account: string
  /** Above the account that was asked for: -1, -2, …; itself 0; below it 1, 2, … */
  readonly distance: number
  readonly parent: string | null
  /** null: its opening is not known. */
  readonly agent: string | null
  readonly opened_at: Date | null
  readonly ended_at: Date | null
  /** The type of the event that ended it. */
  readonly ended_by: string | null
}

/** An account, its ancestors and all below it; the furthest ancestor first, at most `limit` of those below. */
export async function readFamily(db: Executor, tenantId: string, account: string, limit: number): Promise<Relative[]> {
  const { rows } = await sql<Relative>`
    select f.account_id as account, f.distance, f.parent_id as parent, f.agent_id as agent, f.opened_at, f.ended_at, f.ended_by
      from across.account_family(${tenantId}::uuid, ${account}::uuid, ${limit}::integer) f`.execute(db)
  return rows
}

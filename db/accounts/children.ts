import { sql } from 'kysely'
import type { Db } from '../connect.ts'
import type { Page } from '../registry/page.ts'
import type { AccountState } from './read-accounts.ts'

export interface ChildRow {
  readonly id: string
  readonly agentId: string
  readonly taskId: string
  /** As its row says; where it descends from may have ended before it. */
  readonly state: AccountState
  readonly openedSeconds: number
  readonly deadlineSeconds: number
  readonly depth: number
  readonly maxDepth: number
}

const columns = sql`a.id, a.agent_id as "agentId", a.task_id as "taskId", a.state::text as state,
  extract(epoch from a.opened_at)::float8 as "openedSeconds", extract(epoch from a.deadline)::float8 as "deadlineSeconds",
  l.depth, l.max_depth as "maxDepth"`

/** The accounts right below one, those too that are over and not collected yet, in the order of their ids. */
export async function listChildren(db: Db, parentId: string, { afterId, limit }: Page): Promise<ChildRow[]> {
  const { rows } = await sql<ChildRow>`
    select ${columns} from mayfly.lineage l join mayfly.account a on a.id = l.account_id
     where l.parent_id = ${parentId} and l.account_id > ${afterId ?? '00000000-0000-0000-0000-000000000000'}
     order by l.account_id limit ${limit}`.execute(db)
  return rows
}

/** An account somewhere below another one. */
export async function findDescendant(db: Db, ancestorId: string, id: string): Promise<ChildRow | undefined> {
  const { rows } = await sql<ChildRow>`
    select ${columns} from mayfly.lineage l join mayfly.account a on a.id = l.account_id
     where l.account_id = ${id} and ${ancestorId}::uuid = any(l.ancestors)`.execute(db)
  return rows[0]
}

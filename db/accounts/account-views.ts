// Accounts as operators look at them, ended ones too. Whether one lives is asked of the clock at each look: a row that nobody has
// collected yet is over all the same.

import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../connect.ts'
import type { AccountState } from './read-accounts.ts'

export interface AccountView {
  readonly id: string
  readonly agentId: string
  readonly taskId: string
  /** By the clock: an active account past its deadline is expired. */
  readonly state: AccountState
  /** Whether its agent may use it now: every ancestor lives too, and whoever claimed it let the agent back in. */
  readonly live: boolean
  readonly generation: number
  readonly openedAt: Date
  readonly openedSeconds: number
  /** Null: claimed, without an end. */
  readonly deadline: Date | null
  readonly ceilingId: string
  readonly claimedAt: Date | null
  readonly reviewOn: string | null
  readonly parentId: string | null
  readonly rootId: string | null
  /** 0: a root. */
  readonly depth: number
  /** When the first of its ancestors ends; null: never, or a root. */
  readonly ancestorsUntil: Date | null
  /** What its parent has said of its end, seconds since the epoch; null: nothing, or a root. */
  readonly endsBySeconds: number | null
}

export interface AccountFilter {
  readonly state?: AccountState | undefined
  /** uuid */
  readonly agentId?: string | undefined
  readonly taskId?: string | undefined
  /** With `agentId` and `taskId`: the one account that these have. */
  readonly taskKey?: string | undefined
}

/** What is left of an account that was collected. */
export interface TombstoneView {
  readonly id: string
  readonly state: AccountState
  readonly endedAt: Date
}

/** rows: of `mayfly.account`, as few as will be shown: what costs is looked up for these alone. */
const select = (rows: RawBuilder<unknown>, order = sql`1`) => sql<AccountView>`
  select a.id, a.agent_id as "agentId", a.task_id as "taskId", s.state::text as state, a.generation,
         (s.state = 'a' or s.state = 'c' and a.readmitted and log.is_attended(a.id)) and p.dead = 0 as live,
         a.opened_at as "openedAt", extract(epoch from a.opened_at)::float8 as "openedSeconds",
         case when isfinite(a.deadline) then a.deadline end as deadline, a.ceiling_id::text as "ceilingId",
         c.claimed_at as "claimedAt", c.review_on::text as "reviewOn",
         l.parent_id as "parentId", a.root_id as "rootId", coalesce(l.depth, 0) as depth,
         case when isfinite(p.until) then p.until end as "ancestorsUntil",
         (l.quota->>'ends_by')::float8 as "endsBySeconds"
    from (${rows}) a
    left join mayfly.lineage l on a.root_id is not null and l.account_id = a.id
    left join mayfly.claim c on c.account_id = a.id,
    lateral (select case when a.state = 'a' and a.deadline <= clock_timestamp() then 'e'::"char" else a.state end as state) s,
    lateral (
      select min(o.deadline) as until, count(*) filter (where o.id is null)::int as dead
        from unnest(l.ancestors, l.generations) g(id, generation)
        left join mayfly.account o on o.id = g.id and o.generation = g.generation and o.state = 'a' and o.deadline > clock_timestamp()
    ) p
   order by ${order}`

/** Newest first; behind `beforeId`. db: of the tenant. */
export async function listAccounts(
  db: Db,
  tenantId: string,
  filter: AccountFilter,
  page: { readonly beforeId: string | undefined; readonly limit: number },
): Promise<AccountView[]> {
  const { state, agentId, taskId, taskKey } = filter
  const conditions = [
    sql`a.tenant_id = ${tenantId}::uuid`,
    ...(page.beforeId === undefined ? [] : [sql`a.id < ${page.beforeId}::uuid`]),
    ...(state === undefined ? [] : [isInState(state)]),
    ...(agentId === undefined ? [] : [sql`a.agent_id = ${agentId}::uuid`]),
    ...(taskId === undefined ? [] : [sql`a.task_id = ${taskId}`]),
    ...(taskKey === undefined ? [] : [sql`a.task_key = ${taskKey}::uuid`]),
  ]
  const where = sql.join(conditions, sql` and `)
  const rows = sql`select a.* from mayfly.account a where ${where} order by a.id desc limit ${page.limit}`
  return (await select(rows, sql`a.id desc`).execute(db)).rows
}

/** By the clock, as `AccountView.state`. */
function isInState(state: AccountState): RawBuilder<unknown> {
  if (state === 'a') return sql`a.state = 'a' and a.deadline > clock_timestamp()`
  if (state === 'e') return sql`(a.state = 'e' or a.state = 'a' and a.deadline <= clock_timestamp())`
  return sql`a.state = ${state}::"char"`
}

/** The account of that id; undefined: not there, or another tenant's. */
export async function findAccountView(db: Db, tenantId: string, id: string): Promise<AccountView | undefined> {
  const row = sql`select a.* from mayfly.account a where a.tenant_id = ${tenantId}::uuid and a.id = ${id}::uuid`
  return (await select(row).execute(db)).rows[0]
}

/** What is left of an account of that id; undefined: nothing, or another tenant's. */
export async function findTombstone(db: Db, tenantId: string, id: string): Promise<TombstoneView | undefined> {
  const { rows } = await sql<TombstoneView>`
    select t.account_id as id, t.state::text as state, t.ended_at as "endedAt" from mayfly.tombstone t
     where t.account_id = ${id}::uuid and t.tenant_id = ${tenantId}::uuid`.execute(db)
  return rows[0]
}

/** The account and all below it, parents before children, at most `limit`. */
export async function readSubtree(db: Db, tenantId: string, account: AccountView, limit: number): Promise<AccountView[]> {
  const rootId = account.rootId ?? account.id
  const below = sql`
    select a.* from mayfly.lineage y join mayfly.account a on a.id = y.account_id
     where y.root_id = ${rootId}::uuid and ${account.id}::uuid = any(y.ancestors) and a.tenant_id = ${tenantId}::uuid
     order by y.depth, a.id limit ${limit}`
  const { rows } = await select(below, sql`coalesce(l.depth, 0), a.id`).execute(db)
  return [account, ...rows]
}

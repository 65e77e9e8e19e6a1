// What the worker finds in all tenants at once (`0014_reaper.sql`). Whoever looks here only proposes; the commit judges.

import type { Sql } from 'postgres'
import { arrayText } from '../array-text.ts'

export interface CollectableAccount {
  readonly id: string
  readonly tenantId: string
  readonly agentId: string
  readonly generation: number
  /** The database's clock when it looked, milliseconds since the epoch. */
  readonly nowMs: number
}

export interface DueAccount extends CollectableAccount {
  /** As the database writes it; where the next look begins. */
  readonly deadline: string
  /** How long ago the deadline was. */
  readonly lateMs: number
}

export interface EndedAccounts {
  readonly accounts: readonly CollectableAccount[]
  /** The last id that was looked at; null: there are no more. */
  readonly seenTo: string | null
}

/** Active accounts past their deadline, the oldest first, apart from those that another worker changes right now. */
export async function readDueAccounts(sql: Sql, fromDeadline: string, limit: number): Promise<DueAccount[]> {
  return sql<DueAccount[]>`
    select id, tenant_id as "tenantId", agent_id as "agentId", generation, deadline, now_ms as "nowMs", late_ms as "lateMs"
      from across.due_accounts(${fromDeadline}::text::timestamptz, ${limit}::integer)`
}

/** Of the next `limit` accounts that are over, by their ids from `afterId` on, those that hold nothing any more. */
export async function readEndedAccounts(sql: Sql, afterId: string, limit: number): Promise<EndedAccounts> {
  const [row] = await sql<[EndedAccounts]>`
    select accounts, seen_to as "seenTo" from log.ended_accounts(${afterId}::text::uuid, ${limit}::integer)`
  return row
}

/** Which of these accounts have children, ended ones too. */
export async function readParentsAmong(sql: Sql, accountIds: readonly string[]): Promise<Set<string>> {
  const [row] = await sql<[{ parents: string[] }]>`
    select to_jsonb(across.parents_among(${arrayText(accountIds)}::text::uuid[])) as parents`
  return new Set(row.parents)
}

/** Active accounts below this one, at any depth. */
export async function readActiveDescendants(sql: Sql, accountId: string, limit: number): Promise<CollectableAccount[]> {
  return sql<CollectableAccount[]>`
    select id, tenant_id as "tenantId", agent_id as "agentId", generation, now_ms as "nowMs"
      from across.active_descendants(${accountId}::text::uuid, ${limit}::integer)`
}

const batch = 500

/** Drops tombstones of accounts that were collected longer ago than that, in batches, each a transaction; returns how many. */
export async function dropTombstones(sql: Sql, olderThanSeconds: number): Promise<number> {
  let total = 0
  for (;;) {
    const [row] = await sql<[{ count: number }]>`
      select across.drop_tombstones(${olderThanSeconds}::float8, ${batch}::integer) as count`
    total += row.count
    if (row.count < batch) return total
  }
}

export interface ReaperBacklog {
  /** Past their deadline and not expired yet; counted up to 100,000, as are the next two. */
  readonly due: number
  /** Over and not collected yet. */
  readonly ended: number
  /** Rows of the outbox that wait or are under way. */
  readonly outbox: number
  /** Rows of the outbox that failed so often that somebody should look. */
  readonly parked: number
}

export async function readReaperBacklog(sql: Sql): Promise<ReaperBacklog> {
  const [row] = await sql<[ReaperBacklog]>`
    select due::float8 as due, ended::float8 as ended, outbox::float8 as outbox, parked::float8 as parked from across.reaper_backlog()`
  return row
}

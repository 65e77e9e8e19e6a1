// What waits since a restore until somebody has looked at it.

import { sql as query } from 'kysely'
import type { Sql } from 'postgres'
import type { Db } from '../connect.ts'

export interface HeldCounts {
  readonly agents: number
  readonly trustSources: number
  readonly accounts: number
}

/** By tenant; tenants of which nothing waits are there too. */
export function readHeld(sql: Sql): Promise<(HeldCounts & { readonly tenantId: string })[]> {
  return sql`
    select tenant_id as "tenantId", agents::float8 as agents, trust_sources::float8 as "trustSources", accounts::float8 as accounts
      from across.held()`
}

export interface HeldAccount {
  readonly id: string
  readonly tenantId: string
  readonly agentId: string
}

/** Of one tenant, behind an id, by id. db: of the tenant. */
export async function listHeldAccounts(db: Db, afterId: string | undefined, limit: number): Promise<HeldAccount[]> {
  const { rows } = await query<HeldAccount>`
    select a.id, a.tenant_id as "tenantId", a.agent_id as "agentId" from mayfly.account a
     where a.state = 'h' and a.tenant_id = mayfly.tenant_in_force() and (${afterId ?? null}::uuid is null or a.id > ${afterId ?? null}::uuid)
     order by a.id limit ${limit}`.execute(db)
  return rows
}

/** Held accounts of all tenants whose deadline is past. */
export function findOverdueHolds(sql: Sql, limit: number): Promise<HeldAccount[]> {
  return sql`select id, tenant_id as "tenantId", agent_id as "agentId" from across.overdue_holds(${limit})`
}

export interface Reinstatement extends Pick<HeldAccount, 'id' | 'tenantId'> {
  readonly event: { readonly leaf: string; readonly body: string }
}

/** At most 500 at once, each once. Answers for each whether it was held and goes on now. */
export async function reinstateHeldAccounts(sql: Sql, accounts: readonly Reinstatement[]): Promise<boolean[]> {
  if (accounts.length === 0) return []
  const rows = accounts.map(({ id, tenantId }, index) => ({ n: index + 1, id, tenant: tenantId }))
  const [row] = await sql<[{ outcomes: number[] }]>`
    select log.reinstate_accounts(${JSON.stringify(rows)}::text::jsonb, ${accounts.map(({ event }) => event.leaf).join('\n')}::text,
      ${accounts.map(({ event }) => event.body).join('\n')}::text) as outcomes`
  return row.outcomes.map(outcome => outcome === 0)
}

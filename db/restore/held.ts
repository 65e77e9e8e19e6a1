// What waits since a restore until somebody has looked at it.

import { sql as query } from 'kysely'
import type { Db } from '../connect.ts'
import type { Executor } from '../unscoped-db.ts'

export interface HeldCounts {
  readonly agents: number
  readonly trustSources: number
  readonly accounts: number
}

/** By tenant; tenants of which nothing waits are there too. */
export async function readHeld(db: Executor): Promise<(HeldCounts & { readonly tenantId: string })[]> {
  const { rows } = await query<HeldCounts & { tenantId: string }>`
    select tenant_id as "tenantId", agents::float8 as agents, trust_sources::float8 as "trustSources", accounts::float8 as accounts
      from across.held()`.execute(db)
  return rows
}

/** What of a tenant's registry waits. db: of the tenant. */
export async function listHeldRegistrations(
  db: Db,
  table: 'mayfly.agent' | 'mayfly.trust_source',
): Promise<{ readonly id: string; readonly name: string }[]> {
  const { rows } = await query<{ id: string; name: string }>`
    select id, name from ${query.table(table)} where held_at is not null and tenant_id = mayfly.tenant_in_force()
     order by name limit 1000`.execute(db)
  return rows
}

export interface HeldAccount {
  readonly id: string
  readonly tenantId: string
  readonly agentId: string
}

/** Held accounts of all tenants whose deadline is past. */
export async function findOverdueHolds(db: Executor, limit: number): Promise<HeldAccount[]> {
  const { rows } = await query<HeldAccount>`
    select id, tenant_id as "tenantId", agent_id as "agentId" from across.overdue_holds(${limit})`.execute(db)
  return rows
}

export interface Reinstatement extends Pick<HeldAccount, 'id' | 'tenantId'> {
  readonly event: { readonly leaf: string; readonly body: string }
}

/** At most 500 at once, each once. Answers for each whether it was held and goes on now. */
export async function reinstateHeldAccounts(db: Executor, accounts: readonly Reinstatement[]): Promise<boolean[]> {
  if (accounts.length === 0) return []
  const wanted = accounts.map(({ id, tenantId }, index) => ({ n: index + 1, id, tenant: tenantId }))
  const { rows } = await query<{ outcomes: number[] }>`
    select to_json(log.reinstate_accounts(${JSON.stringify(wanted)}::text::jsonb, ${accounts.map(({ event }) => event.leaf).join('\n')}::text,
      ${accounts.map(({ event }) => event.body).join('\n')}::text)) as outcomes`.execute(db)
  return rows[0]!.outcomes.map(outcome => outcome === 0)
}

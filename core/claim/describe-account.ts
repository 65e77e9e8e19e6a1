// What a person sees of an account: sentences, and the entries behind them. Names of agents and tasks are other people's text;
// whoever shows them escapes them.

import { stateNames } from '#core/account/transitions.ts'
import { formatId } from '#core/ids/id.ts'
import { describeDetail } from '#core/permission/describe.ts'
import type { AuthorizationDetail, Permission } from '#core/permission/permission.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { ClaimedRow } from '#db/claim/claims.ts'

export interface DescribedPermission {
  readonly permissions: readonly { readonly text: string; readonly entry: AuthorizationDetail }[]
  readonly scopes: readonly { readonly scope: string; readonly text: string }[]
}

export function describeForPeople(permission: Permission, snapshot: TenantSnapshot): DescribedPermission {
  const texts = new Map<string, string[]>()
  for (const { config } of snapshot.resourcesByUri.values())
    for (const { name, description } of config.scopes) texts.set(name, [...(texts.get(name) ?? []), description])
  return {
    permissions: permission.details.map(entry => ({ text: describeDetail(entry), entry })),
    scopes: permission.scopes.map(scope => ({ scope, text: [...new Set(texts.get(scope) ?? [scope])].join('; ') })),
  }
}

export interface AccountView {
  readonly id: string
  readonly task_id: string
  readonly state: string
  readonly opened_at: string
  /** null: none, it is claimed. */
  readonly expires_at: string | null
  readonly claimed_at: string | null
  readonly review_on: string | null
  readonly readmitted: boolean
}

export const viewAccount = (row: ClaimedRow): AccountView => ({
  id: formatId('account', row.id),
  task_id: row.taskId,
  state: stateNames[row.state],
  opened_at: timeOf(row.openedMs)!,
  expires_at: timeOf(row.deadlineMs),
  claimed_at: row.claimedMs === null ? null : timeOf(row.claimedMs),
  review_on: row.reviewOn,
  readmitted: row.readmitted,
})

const timeOf = (ms: number): string | null => (Number.isFinite(ms) ? new Date(ms).toISOString() : null)

/** The agent as people know it; one that is not registered any more has its id only. */
export function viewAgent(snapshot: TenantSnapshot, agentId: string): { id: string; name: string; owner: string | null } {
  const agent = snapshot.agents.get(agentId)
  const id = formatId('agent', agentId)
  return { id, name: agent?.name ?? id, owner: agent?.owner ?? null }
}

// What bounds the account that a request lives in: its ceiling and, of a child, its place in the tree and the ceilings of the
// agents above it as they are registered now. Of a root all of it is at hand.

import type { Account } from '#core/account/account.ts'
import type { Lineage } from '#core/delegation/lineage.ts'
import { findSuspension } from '#core/registry/suspension.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { VerifiedSubject } from '#core/subject/subject.ts'
import type { Attempt } from './attempt.ts'
import type { KeyBinding } from './bind-key.ts'
import { type Denial, deny } from './denial.ts'
import type { AccountCeiling } from './grant.ts'
import { taskEnded } from './resolve-account.ts'

export interface AccountBounds {
  readonly ok: true
  readonly ceiling: AccountCeiling
  /** Undefined: a root. */
  readonly lineage: Lineage | undefined
}

/** Of a root account, existing or to be opened. Waits only for a ceiling that is not remembered. */
export function boundsOfRoot(
  { deps }: Attempt,
  { agent }: VerifiedSubject,
  ceilingId: string,
): AccountBounds | Promise<AccountBounds> {
  if (ceilingId === agent.ceilingId)
    return { ok: true, ceiling: { id: ceilingId, permission: agent.ceiling }, lineage: undefined }
  return deps.ceilings
    .get(ceilingId)
    .then(permission => ({ ok: true, ceiling: { id: ceilingId, permission }, lineage: undefined }))
}

/** Of a child that exists. When something was found to have changed, whether its ancestors live is asked anew. */
export async function boundsOfChild(attempt: Attempt, account: Account, key: KeyBinding): Promise<AccountBounds | Denial> {
  const { deps, snapshot, first } = attempt
  if (key.binding !== 'pop')
    return deny('client_not_authenticated', 'key_not_proven', 'The agent of a child account must prove its key.')
  let lineage = first ? deps.lineages.recall(account.id) : undefined
  if (!lineage) {
    const now = await deps.lineages.read(snapshot.tenant.id, account.id)
    if (!now?.live) return taskEnded
    lineage = now.lineage
  }
  const permission = await deps.ceilings.get(account.ceilingId)
  return boundedByAncestors(snapshot, lineage, { id: account.ceilingId, permission })
}

/** lineage: of the child. */
export function boundedByAncestors(snapshot: TenantSnapshot, lineage: Lineage, ceiling: AccountCeiling): AccountBounds | Denial {
  const agents = lineage.agents.map(id => snapshot.agents.get(id))
  const ceilings = agents.flatMap(agent =>
    agent ? [{ name: `the agent ${agent.clientId} above`, permission: agent.ceiling }] : [],
  )
  if (ceilings.length < agents.length)
    return deny('access_denied', 'ancestor_gone', 'An agent above this account is no longer registered.')
  if (lineage.agents.some(id => findSuspension(snapshot, { agent: { id } })))
    return deny('access_denied', 'ancestor_suspended', 'An agent above this account is suspended.')
  return { ok: true, ceiling: { ...ceiling, above: { name: lineage.agents.join(','), ceilings } }, lineage }
}

// A child's part of its parent's limits is set apart when the parent asks for the token that opens it, and not when that is used:
// so it costs the parent what the parent asked for, whatever a sub-agent does with the token.

import type { Lineage } from '#core/delegation/lineage.ts'
import { type ChildQuota, carved, findUncarved } from '#core/delegation/quota.ts'
import type { Agent } from '#core/registry/agent.ts'
import type { Attempt } from './attempt.ts'
import { type Denial, deny } from './denial.ts'

export interface Carving {
  /** uuid of the parent account. */
  readonly accountId: string
  /** Of the parent; undefined: a root. */
  readonly lineage: Lineage | undefined
  readonly agent: Agent
}

// Requests whose part was set apart already, however often they are decided anew. Gone with the request.
const setApart = new WeakSet<object>()

/** A refusal where a part is needed and not named, or there is not so much left. Throws BrokerError `log_unavailable`. */
export async function carve(attempt: Attempt, carving: Carving, quota: ChildQuota | undefined): Promise<Denial | undefined> {
  const uncarved = denyUncarved(attempt, carving, quota)
  if (uncarved) return uncarved
  const { deps, input, snapshot } = attempt
  if (quota === undefined || setApart.has(input)) return undefined
  const { accountId, lineage, agent } = carving
  setApart.add(input)
  const account = { id: accountId, parentId: lineage?.parentId, quota: lineage?.quota ?? undefined, units: 0 }
  const use = { snapshot, agent, address: input.address, opens: false, account }
  for (const { member, kind } of carved) {
    const units = quota[member] ?? 0
    if (units > 0 && !(await deps.quotas.carve(use, kind, units)))
      return deny('quota_used_up', `no_${member}_left`, `This account has not so many ${member} left for a child.`)
  }
  return undefined
}

/** A refusal where the parent has a limit of which the child is given no part: it would be a way around. */
export function denyUncarved(
  { deps, snapshot }: Attempt,
  { lineage, agent }: Carving,
  quota: ChildQuota | undefined,
): Denial | undefined {
  const missing = findUncarved(deps.quotas.limitsOf(snapshot, agent), lineage?.quota, quota)
  if (missing === undefined) return undefined
  return deny(
    'malformed_request',
    'nothing_carved',
    `The parent account has a limit of ${missing}: the delegation must give the child a part of it by ${missing}.`,
  )
}

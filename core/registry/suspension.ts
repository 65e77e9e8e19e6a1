// Suspended: gets no new tokens until an operator reinstates it. It is recognised all the same, so that the refusal has a reason of
// its own and stands in the log, as whoever vouched for the workload would be believed otherwise.

import type { TenantSnapshot } from './tenant.ts'

/** Who comes, and on whose word. uuids. */
interface Known {
  readonly agent: { readonly id: string }
  readonly trustSourceId?: string | undefined
}

/** Why somebody who was recognised gets nothing now: words for the log, a sentence for the caller. Undefined: nothing speaks against it. */
export function findSuspension(
  { suspended }: TenantSnapshot,
  { agent, trustSourceId }: Known,
): { readonly reason: 'agent_suspended' | 'trust_source_suspended'; readonly hint: string } | undefined {
  if (suspended === undefined) return undefined
  if (suspended.has(agent.id))
    return { reason: 'agent_suspended', hint: 'This agent is suspended: it gets nothing until an operator reinstates it.' }
  if (trustSourceId !== undefined && suspended.has(trustSourceId))
    return {
      reason: 'trust_source_suspended',
      hint: 'The trust source that vouches for this workload is suspended: its word counts for nothing until an operator reinstates it.',
    }
  return undefined
}

/** Whether the word of this trust source counts. trustSourceId: uuid. */
export const isTrusted = ({ suspended }: TenantSnapshot, trustSourceId: string): boolean => suspended?.has(trustSourceId) !== true

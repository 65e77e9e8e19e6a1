import { prepareEvent } from '#core/audit/event.ts'
import { eventOnly } from '#core/audit/event-only.ts'
import type { GroupCommit } from '#core/audit/group-commit.ts'
import type { Principal } from '#core/operators/principal.ts'
import type { Clock } from '#core/time/clock.ts'

/** What a guard decided about one request. Ids are ours; `path_hash` is the guard's commitment to what was called. */
export interface ReportedDecision {
  readonly time: number
  readonly outcome: 'allow' | 'deny'
  readonly reason: string
  readonly jti?: string | undefined
  readonly account_id?: string | undefined
  readonly method?: string | undefined
  readonly path_hash?: string | undefined
  /** How many requests this entry stands for, where they were not worth an entry each; 1 when absent. */
  readonly count?: number | undefined
  /** What it cost, in spend units; for usage records. */
  readonly units?: number | undefined
}

/** Writes a guard's decisions into the log as one event, so that the trail shows use and refusal and not only issuance. */
export async function reportDecisions(
  deps: { readonly clock: Clock; readonly log: Pick<GroupCommit, 'append'> },
  principal: Principal & { readonly tenantId: string; readonly resourceId: string },
  decisions: readonly ReportedDecision[],
): Promise<void> {
  const { tenantId, resourceId } = principal
  const total = (outcome: ReportedDecision['outcome']): number =>
    decisions.filter(decision => decision.outcome === outcome).reduce((sum, { count }) => sum + (count ?? 1), 0)
  const facts = { allowed: total('allow'), decisions, denied: total('deny'), resource: resourceId }
  const event = prepareEvent({ type: 'decisions.reported', tenantId, facts }, deps.clock.nowMs())
  await deps.log.append(eventOnly(tenantId, event))
}

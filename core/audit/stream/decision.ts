import { findEventType } from '#core/audit/catalogue/catalogue.ts'

export const decisions = ['allow', 'deny', 'defer'] as const
export type Decision = (typeof decisions)[number]

/** As the projection has them. */
export const decisionCodes = { allow: 'a', deny: 'd', defer: 'f' } as const satisfies Record<Decision, string>

/** Whether entries of a type are decisions of which their facts alone say which: those that retention dropped can be told no more. */
export const isToldByFacts = (type: string): boolean => type === 'decisions.reported'

/**
 * What was decided, where a type of event is a decision; as `log.decision_of`. What a guard reports is a refusal where it refused anything,
 * and undefined once its facts are gone.
 */
export function decisionOf(type: string, facts: Readonly<Record<string, unknown>>): Decision | undefined {
  if (!isToldByFacts(type)) return findEventType(type)?.decision
  const { denied } = facts
  if (denied === undefined) return undefined
  return String(denied) === '0' ? 'allow' : 'deny'
}

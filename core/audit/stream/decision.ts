import { findEventType } from '#core/audit/catalogue/catalogue.ts'

export const decisions = ['allow', 'deny', 'defer'] as const
export type Decision = (typeof decisions)[number]

/** As the projection has them. */
export const decisionCodes = { allow: 'a', deny: 'd', defer: 'f' } as const satisfies Record<Decision, string>

/** What was decided, where a type of event is a decision; as `log.decision_of`. What a guard reports is a refusal where it refused anything. */
export function decisionOf(type: string, facts: Readonly<Record<string, unknown>>): Decision | undefined {
  if (type === 'decisions.reported') return String(facts['denied']) === '0' ? 'allow' : 'deny'
  return findEventType(type)?.decision
}

import { findEventType } from '#core/audit/catalogue/catalogue.ts'

export const decisions = ['allow', 'deny', 'defer'] as const
export type Decision = (typeof decisions)[number]

/** What was decided, where a type of event is a decision. */
export const decisionOf = (type: string): Decision | undefined => findEventType(type)?.decision

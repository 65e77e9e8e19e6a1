export const decisions = ['allow', 'deny', 'defer'] as const
export type Decision = (typeof decisions)[number]

/** What was decided, where a type of event is a decision. */
export function decisionOf(type: string): Decision | undefined {
  if (type === 'token.issued') return 'allow'
  return /\.(denied|refused|rejected)$/.test(type) ? 'deny' : undefined
}

import type { LoadAnswer } from './load.ts'

export interface AnswerVerdict {
  /** How many answers came with each status. */
  readonly statuses: Readonly<Record<string, number>>
  /** Refusals that did not say when to come back. */
  readonly withoutRetryAfter: number
  /** What answers said that are neither 200 nor 503, each once. */
  readonly strange: readonly string[]
  /** Of refusals. */
  readonly refusedP50Ms: number
  readonly refusedP99Ms: number
  /** Of all answers. */
  readonly slowestMs: number
}

/** What callers saw. */
export function judgeAnswers(answers: readonly LoadAnswer[]): AnswerVerdict {
  const statuses: Record<string, number> = {}
  for (const { status } of answers) statuses[status] = (statuses[status] ?? 0) + 1
  const refused = answers.filter(answer => answer.status !== 200)
  const times = refused.map(answer => answer.ms).sort((a, b) => a - b)
  return {
    statuses,
    withoutRetryAfter: refused.filter(answer => answer.retryAfter === undefined).length,
    strange: [...new Set(refused.filter(({ status }) => status !== 503).map(({ status, error }) => `${status} ${error ?? ''}`))],
    refusedP50Ms: times[Math.floor(times.length * 0.5)] ?? 0,
    refusedP99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
    slowestMs: answers.reduce((most, answer) => Math.max(most, answer.ms), 0),
  }
}

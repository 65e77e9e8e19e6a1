// What is told of a scenario, in milliseconds.

import { percentiles } from '../statistics.ts'
import type { Applied, Revoked } from './history.ts'
import type { Watched } from './scenarios.ts'
import type { RevocationWorld } from './world.ts'

export type Figures = Record<string, number>

export const round = (value: number): number => Number(value.toFixed(2))

/**
 * From commit to the last refusal, of those that were watched; and beside it from where a listener other than the broker heard of
 * the commit (the disk is done by then), and from the answer to the caller.
 */
export function latencies(
  name: string,
  world: RevocationWorld,
  watched: readonly Watched[],
  revoked: readonly Revoked[],
): Figures {
  const timed = watched.flatMap(({ lastRefusalMs }, i) =>
    lastRefusalMs === undefined ? [] : [{ lastRefusalMs, ...revoked[i]! }],
  )
  const since = (from: (each: (typeof timed)[0]) => number) => percentiles(timed.map(each => each.lastRefusalMs - from(each)))
  const fromCommit = since(each => each.committedMs)
  const fromNotify = since(each => world.announcedMs(each.epoch))
  const fromAnswer = since(each => each.answeredMs)
  if (timed.length === 1) return { [`${name}_ms`]: round(fromCommit.max), [`${name}_after_notify_ms`]: round(fromNotify.max) }
  return {
    [`${name}_p50_ms`]: round(fromCommit.p50),
    [`${name}_p95_ms`]: round(fromCommit.p95),
    [`${name}_p99_ms`]: round(fromCommit.p99),
    [`${name}_max_ms`]: round(fromCommit.max),
    [`${name}_after_notify_p50_ms`]: round(fromNotify.p50),
    [`${name}_after_notify_p99_ms`]: round(fromNotify.p99),
    [`${name}_after_answer_p50_ms`]: round(fromAnswer.p50),
    [`${name}_after_answer_p99_ms`]: round(fromAnswer.p99),
    [`${name}_call_p50_ms`]: round(percentiles(timed.map(each => each.answeredMs - each.askedMs)).p50),
  }
}

/** From the commit until the first and until the last guard had applied it: how the time divides into telling and hearing. */
export function spread(name: string, revoked: readonly Revoked[], applied: readonly Applied[], guards: number): Figures {
  const byGuard = [...Map.groupBy(applied, ({ guard }) => guard).values()].map(list => list.toSorted((a, b) => a.atMs - b.atMs))
  const [first, last]: [number[], number[]] = [[], []]
  for (const { epoch, committedMs } of revoked) {
    const times = byGuard.flatMap(list => list.find(each => each.epoch >= epoch)?.atMs ?? [])
    if (times.length < guards) continue
    first.push(Math.min(...times) - committedMs)
    last.push(Math.max(...times) - committedMs)
  }
  return {
    [`${name}_first_guard_p50_ms`]: round(percentiles(first).p50),
    [`${name}_last_guard_p50_ms`]: round(percentiles(last).p50),
  }
}

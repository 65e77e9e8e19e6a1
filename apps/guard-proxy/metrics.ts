// The proxy's own numbers. Reasons are a closed list, so nothing that a caller sends becomes a label.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Guard } from '../../packages/guard/src/index.ts'

export interface GuardProxyMetrics {
  readonly registry: Registry
  /** outcome: `allow`, `deny`; or `untrusted`, `misconfigured` where nothing was judged. reason: the guard's. */
  decided(outcome: 'allow' | 'deny' | 'untrusted' | 'misconfigured', reason: string, seconds: number): void
}

export function createMetrics(guard: Guard): GuardProxyMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const decisions = new Counter({
    name: 'mayfly_guard_proxy_decisions_total',
    help: 'Requests that a proxy asked about, by what became of them',
    labelNames: ['outcome', 'reason'] as const,
    registers,
  })
  const seconds = new Histogram({
    name: 'mayfly_guard_proxy_decision_seconds',
    help: 'How long a decision took',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1],
    registers,
  })
  new Gauge({
    name: 'mayfly_guard_proxy_reports',
    help: 'Decisions that the broker has, that wait, and that were lost',
    labelNames: ['state'] as const,
    registers,
    collect() {
      for (const [state, count] of Object.entries(guard.stats().decisions)) this.set({ state }, count)
    },
  })
  new Gauge({
    name: 'mayfly_guard_proxy_feed_age_seconds',
    help: 'How old what is known of revocations is; absent where nothing was ever known, or no feed is followed',
    registers,
    collect() {
      const ageMs = guard.stats().feed?.ageMs
      if (ageMs === undefined) this.remove()
      else this.set(ageMs / 1000)
    },
  })
  return {
    registry,
    decided: (outcome, reason, took) => {
      decisions.inc({ outcome, reason })
      seconds.observe(took)
    },
  }
}

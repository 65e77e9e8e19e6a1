import { Counter, Histogram, type Registry } from 'prom-client'
import type { FeedEnd, FeedMetrics } from '#core/feed/feed-hub.ts'

/** What the feed counts as it happens. */
export interface FeedMeters extends FeedMetrics {
  registerIn(registry: Registry): void
}

/** nowMs: the database's clock, as this process knows it. */
export function createFeedMeters(nowMs: () => number): FeedMeters {
  const registers: Registry[] = []
  const delay = new Histogram({
    name: 'mayfly_feed_delay_seconds',
    help: 'From the commit of a revocation until it was written to all streams of its tenant.',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers,
  })
  const entries = new Counter({
    name: 'mayfly_feed_entries_total',
    help: 'Entries that were sent, once for all streams.',
    registers,
  })
  const ended = new Counter({
    name: 'mayfly_feed_streams_ended_total',
    help: 'Streams that this process ended, by reason.',
    labelNames: ['reason'],
    registers,
  })
  const missed = new Counter({
    name: 'mayfly_feed_missed_notifications_total',
    help: 'Revocations that only the heartbeat found.',
    registers,
  })
  return {
    sent(count, lastAtMs) {
      entries.inc(count)
      if (lastAtMs !== undefined) delay.observe(Math.max(0, nowMs() - lastAtMs) / 1000)
    },
    ended: (reason: FeedEnd) => ended.inc({ reason }),
    missed: () => missed.inc(),
    registerIn(registry) {
      for (const metric of [delay, entries, ended, missed]) registry.registerMetric(metric as never)
    },
  }
}

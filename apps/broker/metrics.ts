import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { BrokerDeps } from './deps.ts'

/** What this process measures of itself and of its broker, read when it is asked for. */
export function createMetrics(
  deps: Pick<BrokerDeps, 'log' | 'clock' | 'heartbeat' | 'history' | 'sealWatch' | 'feed'>,
): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'mayfly_' })
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  gauge('mayfly_audit_queue_depth', 'Requests that wait for the log or are being committed.', () => deps.log.depth)
  gauge('mayfly_clock_skew_ms', "This node's wall clock minus the database's.", () => deps.clock.skewMs())
  gauge('mayfly_ready', '1 when this node is ready.', () =>
    deps.heartbeat.faults().length + deps.history.faults().length === 0 ? 1 : 0,
  )
  gauge(
    'mayfly_log_went_back',
    'Alarm on 1: the log lost what this process had seen, so it serves nobody.',
    () => deps.history.faults().length,
  )
  gauge(
    'mayfly_log_seal_lag_seconds',
    'How long the oldest entry that is not sealed has been in the log. Alarm on 60; beyond 600 no tokens are issued.',
    () => (deps.sealWatch.state?.lagMs ?? 0) / 1_000,
  )
  gauge('mayfly_feed_streams', 'Open streams of the feed of revocations.', () => deps.feed.hub.openStreams)
  gauge(
    'mayfly_feed_stale_ms',
    'How long ago the feed that is worst off was known to be up to date.',
    () => deps.feed.hub.staleMs,
  )
  deps.feed.meters.registerIn(registry)
  return registry
}

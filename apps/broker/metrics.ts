import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { BrokerDeps } from './deps.ts'

/** What this process measures of itself and of its broker, read when it is asked for. */
export function createMetrics(deps: Pick<BrokerDeps, 'log' | 'clock' | 'heartbeat'>): Registry {
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
  gauge('mayfly_ready', '1 when this node is ready.', () => (deps.heartbeat.faults().length === 0 ? 1 : 0))
  return registry
}

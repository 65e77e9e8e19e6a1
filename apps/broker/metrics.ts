// Numbers for operators, on a port of their own that needs no TLS and should be reachable from inside only.

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { BrokerDeps } from './deps.ts'
import { readiness } from './routes/health.ts'

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

/** GET /metrics, /livez and /readyz. Resolves when it listens. */
export async function listenForMetrics(registry: Registry, faults: () => string[], host: string, port: number): Promise<Server> {
  const server = createServer(async (request, response) => {
    if (request.url === '/metrics') {
      response.writeHead(200, { 'content-type': registry.contentType }).end(await registry.metrics())
    } else if (request.url === '/livez') {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"live":true}')
    } else if (request.url === '/readyz') {
      const { status, body } = readiness(faults())
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    } else response.writeHead(404).end()
  })
  server.headersTimeout = 5_000
  server.requestTimeout = 5_000
  await once(server.listen(port, host), 'listening')
  return server
}

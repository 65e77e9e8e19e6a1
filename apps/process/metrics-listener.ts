// Numbers for operators, on a port of their own that needs no TLS and should be reachable from inside only.

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { Registry } from 'prom-client'
import { readiness } from './readiness.ts'

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

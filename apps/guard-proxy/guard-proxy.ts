// Forward authentication: a proxy in front of an API in any language asks here, for each request, whether it may pass. nginx asks
// by `auth_request`, Envoy by `ext_authz` over HTTP. Whatever goes wrong here is not 200, and a proxy lets nothing through then.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { listenForMetrics } from '#apps/process/metrics-listener.ts'
import { createGuard, type Guard } from '../../packages/guard/src/index.ts'
import { sendJson, sendVerdict } from './answer.ts'
import type { GuardProxyConfig } from './config.ts'
import { findProxy, readForwarded } from './forwarded-request.ts'
import { createMetrics, type GuardProxyMetrics } from './metrics.ts'

export interface RunningGuardProxy {
  readonly port: number
  readonly metricsPort: number | undefined
  close(): Promise<void>
}

/** A token, a certificate as PEM with percent signs, and what the client itself sends. */
const maxHeaderBytes = 64 * 1024

/** Starts listening. Throws a TypeError that names everything wrong with the guard's options. */
export async function startGuardProxy(config: GuardProxyConfig, log: Logger): Promise<RunningGuardProxy> {
  const guard = createGuard({ onWarning: (text, code) => log.warn({ code }, text), ...config.guard })
  try {
    const metrics = createMetrics(guard)
    const server = createListener(config, answerFor({ config, guard, metrics, log }))
    await once(server.listen(config.port, config.host), 'listening')
    const monitor =
      config.metricsPort === undefined
        ? undefined
        : await listenForMetrics(metrics.registry, () => faultsOf(guard), config.host, config.metricsPort)
    log.info({ resource: config.guard.resource, port: portOf(server) }, 'the guard proxy answers')
    return {
      port: portOf(server),
      metricsPort: monitor && portOf(monitor),
      close: async () => {
        await Promise.all([server, monitor].map(closeServer))
        await guard.close()
      },
    }
  } catch (error) {
    await guard.close()
    throw error
  }
}

function createListener({ tls }: GuardProxyConfig, listener: RequestListener): Server {
  const limits = { maxHeaderSize: maxHeaderBytes, headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 75_000 }
  if (!tls) return createServer(limits, listener)
  // Who asks is judged for each request, so that one without a certificate is told why.
  const asked = { requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.2' } as const
  return createTlsServer({ ...limits, ...asked, cert: tls.cert, key: tls.key, ca: tls.ca }, listener)
}

interface Parts {
  readonly config: GuardProxyConfig
  readonly guard: Guard
  readonly metrics: GuardProxyMetrics
  readonly log: Logger
}

function answerFor(parts: Parts): RequestListener {
  const { log } = parts
  return (request, response) => {
    answer(request, response, parts).catch(error => {
      log.error(error, 'a question could not be answered')
      response.destroy()
    })
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, { config, guard, metrics, log }: Parts): Promise<void> {
  const started = performance.now()
  const took = (): number => (performance.now() - started) / 1000
  const proxy = findProxy(config.proxies, request)
  if (!proxy) {
    metrics.decided('untrusted', 'none', took())
    log.warn({ address: request.socket.remoteAddress }, 'somebody asked who is not in MAYFLY_TRUSTED_PROXIES')
    return sendJson(response, 403, { error: 'access_denied' })
  }
  // Envoy asks about this path as about any other, and would take 200 for leave to pass.
  if (proxy.format !== 'envoy' && isAboutMetadata(request.url ?? '')) return sendMetadata(request.url, guard, response)
  const asked = readForwarded(request, proxy, config)
  if (!asked) {
    metrics.decided('misconfigured', 'none', took())
    log.error(`the proxy does not say method and target in ${config.methodHeader} and ${config.targetHeader}`)
    return sendJson(response, 500, { error: 'server_error' })
  }
  const verdict = await guard.verify(asked)
  metrics.decided(verdict.ok ? 'allow' : 'deny', verdict.ok ? 'granted' : verdict.reason, took())
  if (!verdict.ok) log.info({ reason: verdict.reason }, 'refused')
  sendVerdict(response, verdict)
}

/**
 * Whether this is no question: where the RFC 9728 document is, proxies hand on what callers send, headers that only a proxy may set
 * among it. So nothing there is ever judged, however the path is spelled.
 */
function isAboutMetadata(target: string): boolean {
  try {
    return decodeURIComponent(target).toLowerCase().includes('oauth-protected-resource')
  } catch {
    return true
  }
}

function sendMetadata(target: string | undefined, guard: Guard, response: ServerResponse): void {
  if (target === guard.metadataUrl?.pathname) sendJson(response, 200, guard.metadata)
  else sendJson(response, 404, { error: 'not_found' })
}

/** While it cannot know of revocations it refuses everybody, so others should be asked. */
function faultsOf(guard: Guard): string[] {
  const { feed } = guard.stats()
  return feed && !feed.fresh ? [`the revocation feed cannot be followed: ${feed.reason ?? 'not yet'}`] : []
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

async function closeServer(server: Server | undefined): Promise<void> {
  if (!server) return
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  await closed
}

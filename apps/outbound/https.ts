// HTTPS to registered URLs: TLS always, no redirects, a bounded answer in bounded time, connections only where `resolve` allows.

import { isIP } from 'node:net'
import { LRUCache } from 'lru-cache'
import { Agent, buildConnector, type Dispatcher, request } from 'undici'
import { OutboundRefusal, type ResolveOutbound } from './outbound.ts'

export interface HttpsLimits {
  readonly timeoutMs: number
  /** Connections to one host at a time. */
  readonly connections: number
}

export interface HttpsCall {
  readonly url: string
  /** PEM of the CA of that server; undefined: the public ones. */
  readonly caPem?: string | undefined
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly maxBytes: number
  readonly signal?: AbortSignal
}

export interface HttpsAnswer {
  readonly status: number
  readonly body: Buffer
  /** Seconds that the server asks to wait (RFC 9110 § 10.2.3), where it says so as a number. */
  readonly retryAfterSeconds: number | undefined
}

export interface HttpsClient {
  /** Redirects are answers like others. Throws OutboundRefusal, and what the connection throws. */
  call(call: HttpsCall): Promise<HttpsAnswer>
  close(): Promise<void>
}

const maxAgents = 1_000

export function createHttpsClient(resolve: ResolveOutbound, limits: HttpsLimits): HttpsClient {
  // Tenants say which authorities their servers have, so there may be any number. Who is pushed out finishes what is under way.
  const agents = new LRUCache<string, Agent>({ max: maxAgents, dispose: agent => void agent.close().catch(() => {}) })
  const agentFor = (caPem: string | undefined, maxBytes: number): Agent => {
    const name = `${maxBytes} ${caPem ?? ''}`
    const known = agents.get(name)
    if (known) return known
    const agent = new Agent({
      connect: connectBy(resolve, caPem, limits.timeoutMs),
      connections: limits.connections,
      maxResponseSize: maxBytes,
      headersTimeout: limits.timeoutMs,
      bodyTimeout: limits.timeoutMs,
    })
    agents.set(name, agent)
    return agent
  }
  return {
    async call({ url, caPem, method = 'GET', headers, body: sent, maxBytes, signal }) {
      const { protocol } = new URL(url)
      if (protocol !== 'https:') throw new OutboundRefusal(`${protocol} is not https:`)
      const late = AbortSignal.timeout(limits.timeoutMs)
      const options = {
        method,
        dispatcher: agentFor(caPem, maxBytes) as Dispatcher,
        signal: signal ? AbortSignal.any([signal, late]) : late,
        ...(headers && { headers: { ...headers } }),
        ...(sent !== undefined && { body: sent }),
      }
      const { statusCode, headers: answered, body } = await request(url, options)
      const after = Number(answered['retry-after'])
      return {
        status: statusCode,
        body: Buffer.from(await body.arrayBuffer()),
        retryAfterSeconds: answered['retry-after'] !== undefined && Number.isFinite(after) && after >= 0 ? after : undefined,
      }
    },
    close: async () => {
      await Promise.all([...agents.values()].map(agent => agent.destroy()))
      agents.clear()
    },
  }
}

/** The certificate is checked against the name; the connection goes to the address that was judged. */
function connectBy(resolve: ResolveOutbound, caPem: string | undefined, timeoutMs: number): buildConnector.connector {
  const connect = buildConnector({ timeout: timeoutMs, ...(caPem ? { ca: caPem } : {}) })
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '')
    resolve(host, Number(options.port || 443)).then(
      // The certificate of a server that is registered by its address must name that.
      ({ address }) => connect({ ...options, hostname: address, ...(isIP(host) === 0 && { servername: host }) }, callback),
      (error: Error) => callback(error, null),
    )
  }
}

// The guard for Hono. On Node (`@hono/node-server`) it takes the client's certificate from the connection; on another platform
// say where it is.

import type { Context, MiddlewareHandler } from 'hono'
import type { Guard } from '../guard.ts'
import type { Allowed } from '../verdict.ts'
import { type AdapterOptions, guardOf, judgedTwice, type Rule } from './adapter-options.ts'
import { peerThumbprint } from './peer-certificate.ts'
import { isMetadataRequest, metadataResponse, refusalResponse, verifyByRule } from './web.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** The verdict that let this request in. */
    mayfly: Allowed
  }
}

/** The guard as Hono middleware: judges every request that it is called with by method and path. */
export interface HonoGuard extends MiddlewareHandler {
  /** The same guard for a route that says itself what it does. A request is judged once: put it before the guard for the rest. */
  route(rule: Rule<Context>): MiddlewareHandler
  /** Serves the RFC 9728 document at its address, and nothing else; for apps where the guard itself stands below a path. */
  readonly metadata: MiddlewareHandler
  readonly guard: Guard
  /** Sends decisions that wait, and ends connections to the broker; not of a guard that was handed in. */
  close(): Promise<void>
}

/** Options of the adapter. */
export type HonoGuardOptions = AdapterOptions<Request> & {
  /** The certificate of the TLS peer (DER, or its thumbprint), never from a header. Default: of the connection, on Node. */
  readonly certificate?: (context: Context) => Uint8Array | string | undefined
  /** On Node: take certificates that the server's own TLS did not authorise (`rejectUnauthorized: false`). Default false. */
  readonly acceptUnauthorizedPeers?: boolean
}

/**
 * Guards every route that stands behind it.
 *
 * @example
 * app.use(mayfly({ issuer, resource, credential }))
 * app.get('/v1/orders/:id', c => c.json({ task: c.get('mayfly').token.task_id }))
 */
export function mayfly(options: HonoGuardOptions): HonoGuard {
  const { guard, close } = guardOf(options)
  const judged = new WeakSet<Request>()
  const certificateOf = options.certificate ?? (c => nodeCertificate(c, options.acceptUnauthorizedPeers === true))
  const metadata: MiddlewareHandler = async (c, next) =>
    isMetadataRequest(guard, c.req.raw) ? metadataResponse(guard) : void (await next())
  const route = ({ scope, operation }: Rule<Context>): MiddlewareHandler => {
    return async (c, next) => {
      const request = c.req.raw
      if (judged.has(request)) throw new Error(judgedTwice)
      judged.add(request)
      const rule: Rule<Request> = {
        ...(scope && { scope }),
        ...(operation && { operation: (_, readBody) => operation(c, readBody) }),
      }
      const verdict = await verifyByRule(guard, request, rule, options, certificateOf(c))
      if (!verdict.ok) return refusalResponse(verdict)
      c.set('mayfly', verdict)
      await next()
      for (const name in verdict.headers) c.header(name, verdict.headers[name])
      return undefined
    }
  }
  const everything = route({})
  const middleware: MiddlewareHandler =
    options.serveMetadata === false
      ? everything
      : (c, next) => (isMetadataRequest(guard, c.req.raw) ? metadata(c, next) : everything(c, next))
  return Object.assign(middleware, { route, metadata, guard, close })
}

function nodeCertificate(c: Context, acceptUnauthorized: boolean): string | undefined {
  const { incoming } = (c.env ?? {}) as { readonly incoming?: { readonly socket?: unknown } }
  return peerThumbprint(incoming?.socket, acceptUnauthorized)
}

export type { Rule } from './adapter-options.ts'

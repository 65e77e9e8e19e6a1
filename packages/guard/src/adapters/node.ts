// The guard for Node's own `http` and `https` servers, and for every framework that calls `(request, response, next)`.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Guard } from '../guard.ts'
import { absolutePath } from '../permission/live-path.ts'
import type { GuardedRequest } from '../request.ts'
import type { Allowed, Refused } from '../verdict.ts'
import {
  defaultBodyLimitBytes,
  guardOf,
  judgedTwice,
  metadataHeaders,
  type NodeAdapterOptions,
  notify,
  type Rule,
} from './adapter-options.ts'
import { peekBody } from './peek-body.ts'
import { peerThumbprint } from './peer-certificate.ts'

declare module 'http' {
  interface IncomingMessage {
    /** The verdict that let this request in; undefined where no guard stood in front. */
    mayfly?: Allowed
  }
}

/** Connect's shape, which Express and others take. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void

/** A guard as middleware: judges every request that it is called with by method and path. */
export interface GuardMiddleware<Request> extends Middleware {
  /** The same guard for a route that says itself what it does. A request is judged once: put it before the guard for the rest. */
  route(rule: Rule<Request>): Middleware
  /** Serves the RFC 9728 document at its address, and nothing else; for servers where the guard is mounted below a path. */
  readonly metadata: Middleware
  readonly guard: Guard
  /** Sends decisions that wait, and ends connections to the broker; not of a guard that was handed in. */
  close(): Promise<void>
}

/** The middleware, and a way to do without one. */
export interface NodeGuard extends GuardMiddleware<IncomingMessage> {
  /** Puts the guard in front of a listener. */
  protect<Request extends IncomingMessage, Response extends ServerResponse>(
    listener: (request: Request, response: Response) => void,
  ): (request: Request, response: Response) => void
}

/** Options of the adapter. */
export type NodeGuardOptions = NodeAdapterOptions<IncomingMessage>

/**
 * Guards a server of Node.
 *
 * @example
 * const guard = mayfly({ issuer, resource, credential })
 * createServer(tls, guard.protect((request, response) => response.end(request.mayfly.token.task_id)))
 */
export function mayfly(options: NodeGuardOptions): NodeGuard {
  const middleware = createMiddleware<IncomingMessage>(options)
  const protect: NodeGuard['protect'] = listener => (request, response) =>
    middleware(request, response, error => {
      if (!error) return listener(request, response)
      response.statusCode = 500
      response.end()
    })
  return Object.assign(middleware, { protect })
}

/** The guard as Connect middleware, for requests of any framework. */
export function createMiddleware<Request extends IncomingMessage>(
  options: NodeAdapterOptions<Request>,
): GuardMiddleware<Request> {
  const { guard, close } = guardOf(options)
  const metadata = metadataMiddleware(guard)
  const judged = new WeakSet<IncomingMessage>()
  const route =
    (rule: Rule<Request>): Middleware =>
    (request, response, next) => {
      if (judged.has(request)) return next(new Error(judgedTwice))
      judged.add(request)
      guard.verify(describe(request as Request, rule, options)).then(verdict => {
        if (verdict.ok) {
          request.mayfly = verdict
          for (const name in verdict.headers) response.setHeader(name, verdict.headers[name] ?? '')
          return next()
        }
        sendRefusal(response, verdict)
        notify(options, verdict, request as Request)
      }, next)
    }
  const everything = route({})
  const middleware: Middleware =
    options.serveMetadata === false
      ? everything
      : (request, response, next) =>
          metadata(request, response, error => (error ? next(error) : everything(request, response, next)))
  return Object.assign(middleware, { route, metadata, guard, close })
}

function describe<Request extends IncomingMessage>(
  request: Request,
  { scope, operation }: Rule<Request>,
  options: NodeAdapterOptions<Request>,
): GuardedRequest {
  const body = (): Promise<Buffer> => peekBody(request, options.bodyLimitBytes ?? defaultBodyLimitBytes)
  return {
    method: request.method ?? '',
    url: liveTarget(request),
    // As they came: Node's own view of them would keep the first of a doubled header, and cost time to make.
    headers: request.rawHeaders,
    certificate: peerThumbprint(request.socket, options.acceptUnauthorizedPeers === true),
    scope,
    operation: operation && (() => operation(request, body)),
    body,
  }
}

/**
 * The target that the handler will see. Routers cut off the path that they are mounted on: Express says which, so that a path
 * that was rewritten before us is judged as it will be routed. Connect does not; there a rewritten one is no path at all.
 */
function liveTarget(request: IncomingMessage & { baseUrl?: string; originalUrl?: string }): string {
  const { url = '', baseUrl, originalUrl = url } = request
  // `/v1` on a mount path `/v1` is shown as `/`.
  const isAtMount = url.startsWith('/') && originalUrl.endsWith(url.slice(1))
  if (baseUrl === undefined) return originalUrl.endsWith(url) || isAtMount ? originalUrl : ''
  const below = url.startsWith('/') ? url : absolutePath(url)
  if (below === undefined) return ''
  return isAtMount && originalUrl === baseUrl + below.slice(1) ? originalUrl : baseUrl + below
}

function metadataMiddleware(guard: Guard): Middleware {
  const address = guard.metadataUrl?.pathname
  const document = JSON.stringify(guard.metadata)
  return (request, response, next) => {
    const isAsked = (request.method === 'GET' || request.method === 'HEAD') && liveTarget(request) === address
    if (isAsked) response.writeHead(200, metadataHeaders).end(document)
    else next()
  }
}

/** Sends a refusal: what the caller may know, nothing of the reason. */
export function sendRefusal(response: ServerResponse, { status, headers, body }: Refused): void {
  response.writeHead(status, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(body))
}

export type { Rule } from './adapter-options.ts'
export { peerThumbprint } from './peer-certificate.ts'

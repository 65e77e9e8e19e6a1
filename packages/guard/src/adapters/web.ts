// The guard over the Web's own `Request` and `Response`.

import type { Guard } from '../guard.ts'
import type { GuardedRequest } from '../request.ts'
import type { Allowed, Refused, Verdict } from '../verdict.ts'
import { type AdapterOptions, defaultBodyLimitBytes, guardOf, metadataHeaders, notify, type Rule } from './adapter-options.ts'

/** What a `Request` cannot say. */
export interface WebContext {
  /** The certificate of the TLS peer, DER, or its RFC 8705 thumbprint. */
  readonly certificate?: Uint8Array | string | undefined
  readonly operation?: GuardedRequest['operation']
  readonly scope?: readonly string[] | undefined
  /** Default 1 MiB. */
  readonly bodyLimitBytes?: number | undefined
}

/** Judges a `Request`. The request can still be read afterwards. Never throws. */
export function verifyRequest(guard: Guard, request: Request, context: WebContext = {}): Promise<Verdict> {
  const { bodyLimitBytes, ...more } = context
  return guard.verify({
    ...more,
    method: request.method,
    url: request.url,
    headers: request.headers,
    body: () => copyBody(request, bodyLimitBytes ?? defaultBodyLimitBytes),
  })
}

/** The `Response` that tells a caller about a refusal, and nothing of its reason. */
export function refusalResponse(refused: Refused): Response {
  return Response.json(refused.body, { status: refused.status, headers: refused.headers })
}

/** Reads a copy of the body. Throws where it was read before, or is larger than the limit; then nobody can read it any more. */
export async function copyBody(request: Request, limitBytes: number): Promise<Buffer> {
  const reader = request.clone().body?.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  for (let next = await reader?.read(); next?.value; next = await reader?.read()) {
    size += next.value.length
    if (size > limitBytes) {
      // A copy waits for its original, so both are given up, and nobody waits.
      reader?.cancel().catch(() => {})
      request.body?.cancel().catch(() => {})
      throw new Error('the body is larger than the route allows')
    }
    chunks.push(next.value)
  }
  return Buffer.concat(chunks)
}

/** A guard in front of a fetch handler. */
export interface WebGuard<Args extends readonly unknown[]> {
  /** Puts the guard in front of a handler. `rule` says what the requests do where path and method do not. */
  protect(
    handler: (request: Request, allowed: Allowed, ...args: Args) => Response | Promise<Response>,
    rule?: Rule<Request>,
  ): (request: Request, ...args: Args) => Promise<Response>
  readonly guard: Guard
  /** Sends decisions that wait, and ends connections to the broker; not of a guard that was handed in. */
  close(): Promise<void>
}

/** Options of the adapter. */
export type WebGuardOptions<Args extends readonly unknown[]> = AdapterOptions<Request> & {
  /** The certificate of the TLS peer (DER, or its thumbprint), from wherever the platform tells it; never from a header. */
  readonly certificate?: (request: Request, ...args: Args) => Uint8Array | string | undefined
}

/**
 * Guards fetch handlers.
 *
 * @example
 * const guard = mayfly({ issuer, resource, credential })
 * export default { fetch: guard.protect((request, { token }) => Response.json({ task: token.task_id })) }
 */
export function mayfly<Args extends readonly unknown[] = readonly unknown[]>(options: WebGuardOptions<Args>): WebGuard<Args> {
  const { guard, close } = guardOf(options)
  return {
    guard,
    close,
    protect: (handler, rule = {}) => {
      return async (request, ...args) => {
        if (options.serveMetadata !== false && isMetadataRequest(guard, request)) return metadataResponse(guard)
        const verdict = await verifyByRule(guard, request, rule, options, options.certificate?.(request, ...args))
        if (!verdict.ok) return refusalResponse(verdict)
        return withHeaders(await handler(request, verdict, ...args), verdict.headers)
      }
    },
  }
}

/** Judges a `Request` by a route's rule, and tells of a refusal. */
export async function verifyByRule(
  guard: Guard,
  request: Request,
  { scope, operation }: Rule<Request>,
  options: AdapterOptions<Request>,
  certificate: Uint8Array | string | undefined,
): Promise<Verdict> {
  const limit = options.bodyLimitBytes ?? defaultBodyLimitBytes
  const verdict = await verifyRequest(guard, request, {
    certificate,
    scope,
    operation: operation && (() => operation(request, () => copyBody(request, limit))),
    bodyLimitBytes: limit,
  })
  if (!verdict.ok) notify(options, verdict, request)
  return verdict
}

/** Whether the request asks for the RFC 9728 document. */
export function isMetadataRequest(guard: Guard, { method, url }: Request): boolean {
  return (method === 'GET' || method === 'HEAD') && new URL(url).pathname === guard.metadataUrl?.pathname
}

/** The RFC 9728 document. */
export function metadataResponse(guard: Guard): Response {
  return Response.json(guard.metadata, { headers: metadataHeaders })
}

/** What a handler answered may be frozen, as the answers of `fetch` are. */
function withHeaders(response: Response, headers: Readonly<Record<string, string>>): Response {
  const names = Object.keys(headers)
  if (names.length === 0) return response
  const own = new Response(response.body, response)
  for (const name of names) own.headers.set(name, headers[name] ?? '')
  return own
}

export type { Rule } from './adapter-options.ts'

// What the adapters are told, beside what a guard is told.

import { createGuard, type Guard } from '../guard.ts'
import type { GuardOptions } from '../options.ts'
import type { Operation } from '../request.ts'
import type { Refused } from '../verdict.ts'

/** What a route tells the guard. */
export interface Rule<Request> {
  /** Scopes that the route needs; decide only for tokens without `authorization_details`. */
  readonly scope?: readonly string[]
  /**
   * Names what the request does where path and method do not; `readBody` gives the raw body, which can be parsed afterwards.
   * Called only once the token is known to be good. Throwing or finding nothing refuses the request.
   */
  readonly operation?: (
    request: Request,
    readBody: () => Promise<Buffer>,
  ) => Operation | undefined | Promise<Operation | undefined>
}

/** Options of an adapter: a guard, or what one is made of, and how it stands in the server. */
export type AdapterOptions<Request> = (GuardOptions | { readonly guard: Guard }) & {
  /** Serve the resource's RFC 9728 document. Default true. */
  readonly serveMetadata?: boolean
  /** Largest body that is read for a grant that names its digest. Default 1 MiB, with Fastify the route's own limit. */
  readonly bodyLimitBytes?: number
  /** Called with each refusal, for logs. What it throws is ignored. */
  readonly onRefused?: (refused: Refused, request: Request) => void
}

/** Options of an adapter for servers whose TLS Node ends. */
export type NodeAdapterOptions<Request> = AdapterOptions<Request> & {
  /**
   * Take certificates that the server's own TLS did not authorise (`rejectUnauthorized: false`). The binding to the token
   * holds either way, because the handshake proves the key. Default false.
   */
  readonly acceptUnauthorizedPeers?: boolean
}

export const defaultBodyLimitBytes = 1_048_576

/** The guard of the options, or one made of them, which the adapter then closes. */
export function guardOf(options: GuardOptions | { readonly guard: Guard }): { readonly guard: Guard; close(): Promise<void> } {
  if ('guard' in options) return { guard: options.guard, close: async () => {} }
  const guard = createGuard(options)
  return { guard, close: () => guard.close() }
}

/** Tells of a refusal. A logger that fails must not let a request in, nor hold it. */
export function notify<Request>(options: AdapterOptions<Request>, refused: Refused, request: Request): void {
  try {
    options.onRefused?.(refused, request)
  } catch {}
}

/** The resource's metadata is public, and clients in browsers look for it. */
export const metadataHeaders = { 'content-type': 'application/json', 'access-control-allow-origin': '*' } as const

export const judgedTwice =
  'This request was judged by this guard before. A token may count once only: put routes with guard.route(…) in front of the guard for all others.'

// The guard for Express 5. What is not typed by Express (Connect, restify, polka) takes `@mayfly/guard/node`.

import type { Request } from 'express'
import type { NodeAdapterOptions } from './adapter-options.ts'
import { createMiddleware, type GuardMiddleware } from './node.ts'

/** The guard as Express middleware; `request.mayfly` is the verdict that let a request in. */
export type ExpressGuard = GuardMiddleware<Request>

/** Options of the adapter. */
export type ExpressGuardOptions = NodeAdapterOptions<Request>

/**
 * Guards every route that stands behind it.
 *
 * @example
 * app.get('/health', (_, response) => response.send('ok'))     // before the guard: open
 * app.use(mayfly({ issuer, resource, credential }))            // before express.json()
 * app.get('/v1/orders/:id', (request, response) => response.json({ task: request.mayfly?.token.task_id }))
 */
export function mayfly(options: ExpressGuardOptions): ExpressGuard {
  return createMiddleware<Request>(options)
}

export type { Rule } from './adapter-options.ts'

// The application before it has any route: limits, errors, request ids, OpenAPI. Everything is off that is not needed here:
// no proxy is believed, no HEAD routes appear by themselves, no request is logged by its URL.

import type { ServerOptions } from 'node:https'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { newId } from '#core/ids/id.ts'
import { serverLimits } from '../tls/listeners.ts'
import { createErrorHandler, renderProblem } from './error-handler.ts'
import { answerUnknownRoutes } from './not-found.ts'
import { registerOpenApi } from './openapi.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The process's logger. Lines that concern a request carry its id as `request`. */
    readonly logger: FastifyBaseLogger
  }
}

export interface BaseAppOptions {
  readonly logger: FastifyBaseLogger
  /** undefined: plain HTTP, for tests. */
  readonly https?: ServerOptions
  /** Public URL, for OpenAPI's `servers`. */
  readonly baseUrl: string
}

/** Attack row 25. Bodies are small here; a route that takes more says so itself. */
const limits = {
  bodyLimit: 256 * 1024,
  connectionTimeout: 65_000,
  // Fastify sets both anew on the server that it is given.
  requestTimeout: serverLimits.requestTimeout,
  keepAliveTimeout: serverLimits.keepAliveTimeout,
} as const

export async function createBaseApp(options: BaseAppOptions): Promise<FastifyInstance> {
  const onError = createErrorHandler(renderProblem, options.logger)
  const settings = {
    ...limits,
    // Fastify would make a child logger and response listeners for every request; we log with `app.logger` where there is something to say.
    logger: false,
    trustProxy: false,
    exposeHeadRoutes: false,
    requestIdHeader: false,
    genReqId: () => newId('request'),
    return503OnClosing: true,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 200, caseSensitive: true, ignoreTrailingSlash: false, ignoreDuplicateSlashes: false },
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    // URLs that no router reads; Fastify's own answer would repeat the URL.
    frameworkErrors: onError as never,
  } satisfies FastifyServerOptions
  // HTTP and HTTPS instances differ in type by their server only, which no route looks at.
  const app = (options.https ? Fastify({ ...settings, https: options.https }) : Fastify(settings)) as unknown as FastifyInstance
  app.decorate('logger', options.logger)
  app.setErrorHandler(onError)
  answerUnknownRoutes(app, onError)
  await registerOpenApi(app, options.baseUrl)
  return app
}

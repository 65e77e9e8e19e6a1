// The guard as a Fastify plugin. Every route of the scope that it is registered in is guarded; a route is open only if it
// says so. It judges in `preParsing`: late enough that the body's bytes can be had for a grant that names their digest, and
// before anything has parsed them.

import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest, preParsingHookHandler, RequestPayload } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { createGuard, type Guard } from '../guard.ts'
import type { GuardOptions } from '../options.ts'
import type { GuardedRequest, Operation } from '../request.ts'
import type { Allowed, Refused } from '../verdict.ts'
import { peerThumbprint } from './peer-certificate.ts'

/** What a route tells the guard, in `config.mayfly`. */
export interface GuardedRoute {
  /** Scopes that the route needs; decide only for tokens without `authorization_details`. */
  readonly scope?: readonly string[]
  /**
   * Names what the request does where path and method do not; `readBody` gives the raw body, which is parsed later. Called
   * only once the token is known to be good. Throwing or finding nothing refuses the request.
   */
  readonly operation?: (
    request: FastifyRequest,
    readBody: () => Promise<Buffer>,
  ) => Operation | undefined | Promise<Operation | undefined>
}

/** Options of the plugin: a guard, or what one is made of. */
export type GuardPluginOptions = (GuardOptions | { readonly guard: Guard }) & {
  /** Serve the resource's RFC 9728 document. Default true. */
  readonly serveMetadata?: boolean
  /**
   * Take certificates that the server's own TLS did not authorise (`rejectUnauthorized: false`). The binding to the token
   * holds either way, because the handshake proves the key. Default false.
   */
  readonly acceptUnauthorizedPeers?: boolean
  /** Called with each refusal, for logs. */
  readonly onRefused?: (refused: Refused, request: FastifyRequest) => void
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The verdict that let this request in; null on a route that is open. */
    mayfly: Allowed | null
  }
  interface FastifyContextConfig {
    /** What the guard is to know of this route; false opens the route to everybody. */
    mayfly?: GuardedRoute | false
  }
}

/**
 * Guards all routes of the scope. Decorates requests with `request.mayfly`.
 *
 * @example
 * await app.register(mayfly, { issuer: 'https://broker.example', resource: 'https://orders.example' })
 */
export const mayfly = fastifyPlugin(
  async (app: FastifyInstance, options: GuardPluginOptions) => {
    const guard = 'guard' in options ? options.guard : createGuard(options)
    if (!('guard' in options)) app.addHook('onClose', () => guard.close())
    app.decorateRequest('mayfly', null)
    app.addHook('preParsing', judge(guard, options))
    if (options.serveMetadata !== false && guard.metadataUrl) {
      app.get(guard.metadataUrl.pathname, { config: { mayfly: false } }, () => guard.metadata)
    }
  },
  { name: '@mayfly/guard', fastify: '5.x' },
)

export default mayfly

/** Callback style, because a hook that has replied must not go on, and a promise would. */
function judge(guard: Guard, options: GuardPluginOptions): preParsingHookHandler {
  return (request, reply, payload, done) => {
    const route = request.routeOptions.config?.mayfly
    if (route === false) return done(null, payload)
    const body = new BodyOnce(payload, request.routeOptions.bodyLimit ?? 1_048_576)
    const operation = route?.operation
    const guarded: GuardedRequest = {
      method: request.method,
      url: request.raw.url ?? '',
      // As they came: Node's own view of them would keep the first of a doubled header, and cost time to make.
      headers: request.raw.rawHeaders,
      certificate: peerThumbprint(request.raw.socket, options.acceptUnauthorizedPeers ?? false),
      scope: route?.scope,
      operation: operation && (() => operation(request, () => body.read())),
      body: () => body.read(),
    }
    guard.verify(guarded).then(
      verdict => {
        if (verdict.ok) {
          request.mayfly = verdict
          reply.headers(verdict.headers)
          done(null, body.payload)
        } else {
          reply.code(verdict.status).headers(verdict.headers).send(verdict.body)
          notify(options, verdict, request)
        }
      },
      error => done(error),
    )
  }
}

function notify(options: GuardPluginOptions, refused: Refused, request: FastifyRequest): void {
  try {
    options.onRefused?.(refused, request)
  } catch (error) {
    request.log.error(error, 'onRefused failed')
  }
}

/** Reads a body at most once, and lets Fastify parse it afterwards as if nobody had. */
class BodyOnce {
  payload: RequestPayload
  readonly #limit: number
  #bytes: Promise<Buffer> | undefined

  constructor(payload: RequestPayload, limit: number) {
    this.payload = payload
    this.#limit = limit
  }

  read(): Promise<Buffer> {
    this.#bytes ??= this.#collect()
    return this.#bytes
  }

  async #collect(): Promise<Buffer> {
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of this.payload) {
      const bytes = Buffer.from(chunk as Uint8Array)
      size += bytes.length
      if (size > this.#limit) throw new Error('the body is larger than the route allows')
      chunks.push(bytes)
    }
    const whole = Buffer.concat(chunks)
    this.payload = Object.assign(Readable.from([whole]), { receivedEncodedLength: whole.length })
    return whole
  }
}

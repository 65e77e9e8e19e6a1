// The guard as a Fastify plugin. Every route of the scope that it is registered in is guarded; a route is open only if it
// says so. It judges in `preParsing`: late enough that the body's bytes can be had for a grant that names their digest, and
// before anything has parsed them.

import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest, preParsingHookHandler, RequestPayload } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { Guard } from '../guard.ts'
import type { GuardedRequest } from '../request.ts'
import { type Allowed, noHeaders, type Verdict } from '../verdict.ts'
import { defaultBodyLimitBytes, guardOf, metadataHeaders, type NodeAdapterOptions, notify, type Rule } from './adapter-options.ts'
import { peerThumbprint } from './peer-certificate.ts'

/** What a route tells the guard, in `config.mayfly`. */
export type GuardedRoute = Rule<FastifyRequest>

/** Options of the plugin. */
export type GuardPluginOptions = NodeAdapterOptions<FastifyRequest>

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
    const { guard, close } = guardOf(options)
    app.addHook('onClose', close)
    app.decorateRequest('mayfly', null)
    app.addHook('preParsing', judge(guard, options))
    if (options.serveMetadata !== false && guard.metadataUrl) {
      app.get(guard.metadataUrl.pathname, { config: { mayfly: false } }, (_, reply) =>
        reply.headers(metadataHeaders).send(guard.metadata),
      )
    }
  },
  { name: '@mayfly/guard', fastify: '5.x' },
)

export default mayfly

/** Callback style, because a hook that has replied must not go on, and a promise would. */
function judge(guard: Guard, options: GuardPluginOptions): preParsingHookHandler {
  return (request, reply, payload, done) => {
    // Fastify makes them anew at each look.
    const { config, bodyLimit } = request.routeOptions
    const route = config?.mayfly
    if (route === false) return done(null, payload)
    let body: BodyOnce | undefined
    const read = () => {
      body ??= new BodyOnce(payload, options.bodyLimitBytes ?? bodyLimit ?? defaultBodyLimitBytes)
      return body.read()
    }
    const operation = route?.operation
    const guarded: GuardedRequest = {
      method: request.method,
      url: request.raw.url ?? '',
      // As they came: Node's own view of them would keep the first of a doubled header, and cost time to make.
      headers: request.raw.rawHeaders,
      certificate: peerThumbprint(request.raw.socket, options.acceptUnauthorizedPeers === true),
      scope: route?.scope,
      operation: operation && (() => operation(request, read)),
      body: read,
    }
    const conclude = (verdict: Verdict) => {
      if (verdict.ok) {
        request.mayfly = verdict
        if (verdict.headers !== noHeaders) reply.headers(verdict.headers)
        done(null, body?.payload ?? payload)
      } else {
        reply.code(verdict.status).headers(verdict.headers).send(verdict.body)
        notify(options, verdict, request)
      }
    }
    const verdict = guard.decide(guarded)
    if (verdict instanceof Promise) verdict.then(conclude, done)
    else conclude(verdict)
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

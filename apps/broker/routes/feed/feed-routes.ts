// The feed of revocations (DESIGN § 8), with the resource's own credential: a snapshot to begin with, a stream from there on, and
// what guards say back.

import { Readable } from 'node:stream'
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { Acknowledgements } from '#core/feed/acknowledgements.ts'
import type { FeedHub } from '#core/feed/feed-hub.ts'
import { type FeedPosition, parsePosition } from '#core/feed/feed-position.ts'
import type { FeedSnapshots } from '#core/feed/snapshots.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import type { Clock } from '#core/time/clock.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { createErrorHandler, renderProblem } from '../../http/error-handler.ts'
import { acceptJsonOnly } from '../../http/json-body.ts'
import { compileSchema } from '../../http/schema-validator.ts'
import { authenticateResource, type ResourcePrincipal } from '../resource/authenticate-resource.ts'
import { openEventStream } from './event-stream.ts'
import {
  type AcknowledgementBody,
  acknowledgementSchema,
  type StreamQuery,
  snapshotSchema,
  streamSchema,
} from './feed-schemas.ts'

export interface FeedRouteDeps {
  readonly db: UnscopedDb
  readonly directory: TenantDirectory
  readonly clock: Clock
  readonly hub: Pick<FeedHub, 'admit' | 'open'>
  readonly snapshots: Pick<FeedSnapshots, 'get'>
  readonly acknowledgements: Pick<Acknowledgements, 'note'>
}

type Params = { Params: { slug?: string } }

export const feedRoutes: FastifyPluginCallback<FeedRouteDeps> = (app, deps, done) => {
  app.setErrorHandler(createErrorHandler(renderProblem, app.logger))
  app.setValidatorCompiler(compileSchema)
  const callers = new WeakMap<object, ResourcePrincipal>()
  // Before the body is read: a stranger's body is never parsed.
  app.addHook<Params>('onRequest', async request => {
    callers.set(request, await authenticateResource(deps, request))
  })
  const callerOf = (request: object): ResourcePrincipal => {
    const caller = callers.get(request)
    if (!caller) throw new BrokerError('internal', { detail: 'a guard’s request was not authenticated' })
    return caller
  }
  acceptJsonOnly(app)
  for (const prefix of ['', '/t/:slug']) {
    app.get<Params>(`${prefix}/v1/feed/snapshot`, { schema: snapshotSchema }, async (request, reply) => {
      const { bytes, pieces } = await deps.snapshots.get(callerOf(request).tenantId)
      reply.type('application/json').header('cache-control', 'no-store').header('content-length', bytes)
      return reply.send(Readable.from(pieces))
    })
    app.get<Params & { Querystring: Static<typeof StreamQuery> }>(
      `${prefix}/v1/feed`,
      { schema: streamSchema },
      async (request, reply) => {
        await openStream(deps, callerOf(request), readPosition(request), reply as never)
        return reply
      },
    )
    app.post<Params & { Body: Static<typeof AcknowledgementBody> }>(
      `${prefix}/v1/feed/acknowledgements`,
      { schema: acknowledgementSchema },
      async (request, reply) => {
        const { guard: name, instance: receiverId, shard, epoch, leaving: leaves = false } = request.body
        const { tenantId, resourceId } = callerOf(request)
        const atMs = deps.clock.nowMs()
        deps.acknowledgements.note({ tenantId, resourceId, receiverId, name, shard, epoch, atMs, leaves })
        return reply.code(204).send()
      },
    )
  }
  done()
}

/** What the reader has: `Last-Event-ID` if it comes back, else `since`. Throws BrokerError `malformed_request`. */
function readPosition(request: FastifyRequest<{ Querystring: Static<typeof StreamQuery> }>): FeedPosition {
  const text = request.headers['last-event-id'] ?? request.query.since
  const position = typeof text === 'string' ? parsePosition(text) : undefined
  if (!position)
    throw new BrokerError('malformed_request', {
      hint: 'Say what you have, as since=<shard>.<epoch> or Last-Event-ID; /v1/feed/snapshot gives something to begin with.',
    })
  return position
}

async function openStream(
  { hub }: FeedRouteDeps,
  { tenantId, resourceId, credentialId }: ResourcePrincipal,
  position: FeedPosition,
  reply: FastifyReply,
): Promise<void> {
  const admission = await hub.admit({ tenantId, resourceId, credentialId }, position)
  const { raw } = reply
  // It went while the head was asked for, and has said so already.
  if (raw.destroyed || raw.socket?.destroyed !== false) return void reply.hijack()
  const stream = hub.open(admission, () => {
    reply.hijack()
    return openEventStream(raw)
  })
  raw.once('close', () => stream.closed())
}

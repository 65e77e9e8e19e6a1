// SSF 1.0 § 8.1.1: the configuration of streams.

import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import { refuseProblems } from '#core/errors/validation-error.ts'
import { formatId } from '#core/ids/id.ts'
import { deliveredEvents, supportedEvents } from '#core/ssf/event-types.ts'
import { minVerificationSeconds } from '#core/ssf/stream-state.ts'
import {
  changeStream,
  createStream,
  pollMethod,
  pushMethod,
  removeStream,
  type StreamChange,
  type StreamInput,
} from '#core/ssf/streams.ts'
import { findStream, listStreams, type StreamView } from '#db/ssf/streams.ts'
import { problems } from '../v1/schemas.ts'
import { ChangedStream, Configuration, NewStream, OneStreamQuery, StreamQuery } from './schemas.ts'
import { type CallOf, documented, type SsfCall, type SsfRouteDeps, streamUuid, transact } from './ssf-deps.ts'

const mostShown = 50

export function streamRoutes(app: FastifyInstance, prefix: string, deps: SsfRouteDeps, callOf: CallOf): void {
  const path = `${prefix}/ssf/streams`
  registerReads(app, path, deps, callOf)
  registerChanges(app, path, deps, callOf)
}

function registerReads(app: FastifyInstance, path: string, deps: SsfRouteDeps, callOf: CallOf): void {
  const answers = { 200: Type.Union([Configuration, Type.Array(Configuration)]), ...problems }
  app.get<{ Querystring: Static<typeof StreamQuery> }>(
    path,
    {
      schema: {
        ...documented,
        summary: 'Read one stream, or all of the receiver’s',
        querystring: StreamQuery,
        response: answers,
      },
    },
    async (request, reply) => {
      const call = callOf(request)
      const { stream_id: named } = request.query
      const scope = { tenantId: call.caller.tenantId, receiverId: call.caller.id }
      reply.header('cache-control', 'no-store')
      if (named !== undefined) return reply.send(await readConfiguration(deps, call, streamUuid(named)))
      const rows = await listStreams(deps.dbOf(scope.tenantId), scope, { limit: mostShown, afterId: undefined })
      return reply.send(rows.map(toConfiguration))
    },
  )
}

function registerChanges(app: FastifyInstance, path: string, deps: SsfRouteDeps, callOf: CallOf): void {
  const answer = { 200: Configuration, ...problems }
  app.post<{ Body: Static<typeof NewStream> }>(
    path,
    { schema: { ...documented, summary: 'Make a stream', body: NewStream, response: { 201: Configuration, ...problems } } },
    async (request, reply) => {
      const call = callOf(request)
      checkOurs(call, request.body)
      const id = await transact(deps, call, trx => createStream(trx, changeBy(deps, call), inputOf(request.body)))
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send(await readConfiguration(deps, call, id))
    },
  )
  for (const method of ['PATCH', 'PUT'] as const)
    app.route<{ Body: Static<typeof ChangedStream> }>({
      method,
      url: path,
      schema: {
        ...documented,
        summary: method === 'PUT' ? 'Replace a stream' : 'Change a stream',
        body: ChangedStream,
        response: answer,
      },
      handler: async (request, reply) => {
        const call = callOf(request)
        checkOurs(call, request.body)
        const id = streamUuid(request.body.stream_id)
        const how = method === 'PUT' ? 'put' : 'patch'
        await transact(deps, call, trx => changeStream(trx, changeBy(deps, call), id, inputOf(request.body), how))
        return reply.header('cache-control', 'no-store').send(await readConfiguration(deps, call, id))
      },
    })
  app.delete<{ Querystring: Static<typeof OneStreamQuery> }>(
    path,
    {
      schema: {
        ...documented,
        summary: 'Delete a stream',
        querystring: OneStreamQuery,
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      const call = callOf(request)
      await transact(deps, call, trx => removeStream(trx, changeBy(deps, call), streamUuid(request.query.stream_id)))
      return reply.code(204).send(null)
    },
  )
}

const changeBy = ({ keyEncryption, clock }: SsfRouteDeps, { caller, snapshot }: SsfCall): StreamChange => ({
  caller,
  issuer: snapshot.tenant.issuer,
  keyEncryption,
  nowMs: clock.nowMs(),
})

const inputOf = ({ delivery, events_requested, description }: Static<typeof NewStream>): StreamInput => ({
  delivery,
  events_requested,
  description,
})

/** § 8.1.1.3: what is ours may come along, as it is. */
function checkOurs({ caller, snapshot }: SsfCall, { iss, aud }: Static<typeof NewStream>): void {
  const other = (name: string) => ({ pointer: `/${name}`, detail: 'The transmitter sets this. Leave it out.' })
  refuseProblems([
    ...(iss !== undefined && iss !== snapshot.tenant.issuer ? [other('iss')] : []),
    ...(aud !== undefined && `${aud}` !== caller.audience ? [other('aud')] : []),
  ])
}

async function readConfiguration(deps: SsfRouteDeps, { caller }: SsfCall, id: string): Promise<Static<typeof Configuration>> {
  const row = await findStream(deps.dbOf(caller.tenantId), { tenantId: caller.tenantId, receiverId: caller.id }, id)
  if (!row) throw new BrokerError('not_found')
  return toConfiguration(row)
}

function toConfiguration(row: StreamView): Static<typeof Configuration> {
  const stream_id = formatId('stream', row.id)
  return {
    stream_id,
    iss: row.issuer,
    aud: row.audience,
    events_supported: [...supportedEvents],
    ...(row.events_requested && { events_requested: [...row.events_requested] }),
    events_delivered: [...deliveredEvents(row.events_requested ?? undefined)],
    delivery:
      row.endpoint_url === null
        ? { method: pollMethod, endpoint_url: `${row.issuer}/ssf/poll/${stream_id}` }
        : { method: pushMethod, endpoint_url: row.endpoint_url },
    min_verification_interval: minVerificationSeconds,
    ...(row.description !== null && { description: row.description }),
  }
}

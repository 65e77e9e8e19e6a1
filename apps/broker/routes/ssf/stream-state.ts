// SSF 1.0 §§ 8.1.2 to 8.1.4: status, subjects, verification.

import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import { hashSubject } from '#core/ssf/outgoing.ts'
import { setStreamStatus, verifyStream } from '#core/ssf/stream-state.ts'
import { findStream, lockStream } from '#db/ssf/streams.ts'
import { heedSubject, ignoreSubject } from '#db/ssf/subjects.ts'
import { problems } from '../v1/schemas.ts'
import { OneStreamQuery, StatusBody, StatusView, SubjectBody, VerificationBody } from './schemas.ts'
import { type CallOf, documented, type SsfCall, type SsfRouteDeps, streamUuid, transact } from './ssf-deps.ts'

/** Of which a receiver may want to hear nothing; each is compared with every event. */
const mostSubjects = 1_000

export function stateRoutes(app: FastifyInstance, prefix: string, deps: SsfRouteDeps, callOf: CallOf): void {
  statusRoutes(app, `${prefix}/ssf/status`, deps, callOf)
  subjectRoutes(app, `${prefix}/ssf/subjects`, deps, callOf)
  app.post<{ Body: Static<typeof VerificationBody> }>(
    `${prefix}/ssf/verify`,
    {
      schema: {
        ...documented,
        summary: 'Have a verification event sent',
        body: VerificationBody,
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      const call = callOf(request)
      const { stream_id, state } = request.body
      await transact(deps, call, trx => verifyStream(trx, call.caller, streamUuid(stream_id), state, deps.clock.nowMs()))
      return reply.code(204).send(null)
    },
  )
}

function statusRoutes(app: FastifyInstance, path: string, deps: SsfRouteDeps, callOf: CallOf): void {
  const response = { 200: StatusView, ...problems }
  app.get<{ Querystring: Static<typeof OneStreamQuery> }>(
    path,
    { schema: { ...documented, summary: 'Whether a stream sends', querystring: OneStreamQuery, response } },
    async (request, reply) =>
      reply
        .header('cache-control', 'no-store')
        .send(await readStatus(deps, callOf(request), streamUuid(request.query.stream_id))),
  )
  app.post<{ Body: Static<typeof StatusBody> }>(
    path,
    { schema: { ...documented, summary: 'Let a stream send, pause or stop', body: StatusBody, response } },
    async (request, reply) => {
      const call = callOf(request)
      const { stream_id, status, reason = null } = request.body
      const which = { id: streamUuid(stream_id), tenantId: call.caller.tenantId }
      const by = { receiver: call.caller }
      await transact(deps, call, trx => setStreamStatus(trx, which, { status, reason }, by, deps.clock.nowMs()))
      return reply.header('cache-control', 'no-store').send(await readStatus(deps, call, which.id))
    },
  )
}

async function readStatus(deps: SsfRouteDeps, { caller }: SsfCall, id: string): Promise<Static<typeof StatusView>> {
  const row = await findStream(deps.dbOf(caller.tenantId), { tenantId: caller.tenantId, receiverId: caller.id }, id)
  if (!row) throw new BrokerError('not_found')
  return {
    stream_id: formatId('stream', id),
    status: row.status,
    ...(row.status_reason !== null && { reason: row.status_reason }),
  }
}

/** A stream is about everything of the tenant. Removing a subject keeps it out; adding it takes it in again. */
function subjectRoutes(app: FastifyInstance, path: string, deps: SsfRouteDeps, callOf: CallOf): void {
  const register = (verb: 'add' | 'remove', status: 200 | 204, summary: string) =>
    app.post<{ Body: Static<typeof SubjectBody> }>(
      `${path}/${verb}`,
      { schema: { ...documented, summary, body: SubjectBody, response: { [status]: Type.Null(), ...problems } } },
      async (request, reply) => {
        const call = callOf(request)
        const { stream_id, subject } = request.body
        const id = streamUuid(stream_id)
        const hash = hashSubject(subject)
        await transact(deps, call, async trx => {
          if (!(await lockStream(trx, id, call.caller.id))) throw new BrokerError('not_found')
          if (verb === 'add') return heedSubject(trx, id, hash)
          const stream = { id, tenantId: call.caller.tenantId }
          if (!(await ignoreSubject(trx, stream, { hash, claims: subject }, mostSubjects)))
            throw new BrokerError('conflict', { hint: `A stream leaves out ${mostSubjects} subjects at most.` })
        })
        return reply.code(status).send(null)
      },
    )
  register('add', 200, 'Hear of a subject again')
  register('remove', 204, 'Hear no more of a subject')
}

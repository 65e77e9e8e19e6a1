// How far a webhook has come with its tenant's log, and what to do when it does not take it.

import { type Static, Type } from 'typebox'
import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { NothingThere } from '#core/errors/nothing-there.ts'
import { formatId } from '#core/ids/id.ts'
import { actorFacts } from '#core/operators/principal.ts'
import { type AuditStreamRow, findAuditStream, retryAuditStream, skipMessage } from '#db/audit-stream/streams.ts'
import type { Db } from '#db/connect.ts'
import { findWebhook } from '#db/webhook/webhooks.ts'
import { principalOf, tenantOf } from '../../http/access.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed, Id, IdParams, operatorSecurity, problems, Time } from './schemas.ts'

const path = '/v1/webhooks/:id/audit'
const base = { tags: ['webhook'], security: operatorSecurity, params: IdParams('webhook') }

const OrNull = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()])

const View = Type.Object(
  {
    webhook: Id('webhook'),
    state: Type.Enum(['current', 'behind', 'failing', 'parked']),
    position: Type.Integer({ description: 'The next entry that it has neither taken nor does not want.' }),
    size: Type.Integer({ description: 'Of the log.' }),
    behind: Type.Integer({ description: 'Entries between the two, other tenants’ included.' }),
    taken_at: OrNull(Time),
    failures: Type.Integer({ description: 'In a row, up to now.' }),
    failure: OrNull(Type.String()),
    status: OrNull(Type.Integer({ description: 'What it answered last.' })),
    next_try_at: OrNull(Time),
  },
  closed,
)

export function webhookAuditRoutes(app: V1App, deps: V1Deps): void {
  registerRead(app, deps)
  registerRetry(app, deps)
  registerSkip(app, deps)
}

function registerRead(app: V1App, deps: V1Deps): void {
  const schema = { ...base, summary: 'How far a webhook has come with the log', response: { 200: View, ...problems } }
  app.get(path, { schema }, async request => {
    const id = uuidOf('webhook', request.params.id)
    const stream = await getStream(deps.db.forTenant(tenantOf(request)), tenantOf(request), id)
    const { size } = await deps.logStreams.head()
    return toView(id, stream, size)
  })
}

function registerRetry(app: V1App, deps: V1Deps): void {
  const schema = {
    ...base,
    summary: 'Try at once what a webhook did not take of the log',
    response: { 204: Type.Null(), ...problems },
  }
  app.post(`${path}/retry`, { schema }, async (request, reply) => {
    const [tenantId, id] = [tenantOf(request), uuidOf('webhook', request.params.id)]
    const facts = { ...actorFacts(principalOf(request)), webhook: formatId('webhook', id) }
    await deps.db
      .forTenant(tenantId)
      .transaction()
      .execute(async trx => {
        if (!(await retryAuditStream(trx, id))) throw new BrokerError('not_found')
        await recordEvent(trx, { type: 'audit_stream.retried', tenantId, facts }, deps.clock.nowMs())
      })
    return reply.code(204).send(null)
  })
}

function registerSkip(app: V1App, deps: V1Deps): void {
  const schema = {
    ...base,
    summary: 'Leave out the message that a webhook does not take; its receiver sees the gap',
    response: { 204: Type.Null(), ...problems },
  }
  app.post(`${path}/skip`, { schema }, async (request, reply) => {
    const [tenantId, id] = [tenantOf(request), uuidOf('webhook', request.params.id)]
    const actor = actorFacts(principalOf(request))
    await deps.db
      .forTenant(tenantId)
      .transaction()
      .execute(async trx => {
        await getStream(trx, tenantId, id)
        const skipped = await skipMessage(trx, id)
        if (!skipped) throw new BrokerError('conflict', { hint: 'No message to this webhook has failed.' })
        const facts = { ...actor, webhook: formatId('webhook', id), ...skipped }
        await recordEvent(trx, { type: 'audit_stream.skipped', tenantId, facts }, deps.clock.nowMs())
      })
    return reply.code(204).send(null)
  })
}

async function getStream(db: Db, tenantId: string, id: string): Promise<AuditStreamRow> {
  const stream = await findAuditStream(db, id)
  if (!stream && !(await findWebhook(db, id, tenantId))) throw new BrokerError('not_found')
  if (!stream) throw new NothingThere('This webhook is not sent the log.')
  return stream
}

function toView(id: string, stream: AuditStreamRow, size: number): Static<typeof View> {
  const { position, failures, parked } = stream
  const behind = Math.max(size - position, 0)
  return {
    webhook: formatId('webhook', id),
    state: parked ? 'parked' : failures > 0 ? 'failing' : behind > 0 ? 'behind' : 'current',
    position,
    size,
    behind,
    taken_at: stream.takenAt?.toISOString() ?? null,
    failures,
    failure: stream.failure,
    status: stream.failureStatus,
    next_try_at: failures > 0 ? stream.holdUntil.toISOString() : null,
  }
}

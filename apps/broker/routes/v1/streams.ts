// Streams of security events as operators see them: how far each has come, what fails, and what was set aside.

import { type Static, Type } from 'typebox'
import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import { actorFacts } from '#core/operators/principal.ts'
import { setStreamStatus } from '#core/ssf/stream-state.ts'
import type { Trx } from '#db/connect.ts'
import { type DeadLetterRow, deleteLetter, listDeadLetters, redeliverLetter } from '#db/ssf/dead-letters.ts'
import { announceStream } from '#db/ssf/events.ts'
import { findStream, listStreams, type StreamView } from '#db/ssf/streams.ts'
import { ownTenant, tenantOf } from '../../http/access.ts'
import { answerPage } from './answer-page.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { type Call, ofOwnTenant } from './operation.ts'
import { registerOperation } from './register-operation.ts'
import { closed, Id, IdParams, operatorSecurity, PageOf, PageQuery, problems, Text, Time } from './schemas.ts'

const path = '/v1/ssf/streams'
const lettersPath = `${path}/:id/dead-letters`
const tags = ['security events']
const base = { tags, security: operatorSecurity }

const Status = Type.Enum(['enabled', 'paused', 'disabled'])
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) => Type.Union([type, Type.Null()])
const View = Type.Object(
  {
    id: Id('stream'),
    receiver: Id('receiver'),
    receiver_name: Type.String(),
    delivery: Type.Enum(['push', 'poll']),
    endpoint_url: Type.Optional(Type.String()),
    description: Type.Optional(Type.String()),
    status: Status,
    status_reason: Type.Optional(Type.String()),
    epoch: Type.Integer({ description: 'Of the feed: everything up to it was taken, set aside, or not asked for.' }),
    behind: Type.Integer({ description: 'How many epochs the feed is ahead of that.' }),
    waiting_since: orNull(Time),
    taken_at: orNull(Time),
    failures: Type.Integer({ description: 'In a row, up to now.' }),
    failure: orNull(Type.String()),
    failure_status: orNull(Type.Integer()),
    retry_at: Type.Optional(Time),
    dead_letters: Type.Integer(),
    created_at: Time,
    updated_at: Time,
  },
  closed,
)
const StatusBody = Type.Object(
  { status: Status, reason: Type.Optional(Text('For the receiver, who is told.', 200)) },
  { ...closed, examples: [{ status: 'paused', reason: 'maintenance' }] },
)
const LetterView = Type.Object(
  {
    id: Id('deadLetter'),
    epoch: Type.Integer(),
    revocation: Id('revocation'),
    subject: Type.String(),
    err: Type.String(),
    description: orNull(Type.String()),
    due: Type.Boolean({ description: 'It is being sent again.' }),
    at: Time,
  },
  closed,
)
const LetterParams = Type.Object({ id: Id('stream'), dead_letter_id: Id('deadLetter') }, closed)

export function securityStreamRoutes(app: V1App, deps: V1Deps): void {
  registerReads(app, deps)
  registerStatus(app, deps)
  registerLetters(app, deps)
}

function registerReads(app: V1App, deps: V1Deps): void {
  app.get(
    path,
    {
      schema: {
        ...base,
        summary: 'List streams of security events',
        querystring: PageQuery,
        response: { 200: PageOf(View), ...problems },
      },
    },
    async request => {
      const tenantId = tenantOf(request)
      const read = (page: Parameters<typeof listStreams>[2]) => listStreams(deps.db.forTenant(tenantId), { tenantId }, page)
      return answerPage(deps.cursors, `${path} ${tenantId}`, request.query, read, toView)
    },
  )
  app.get(
    `${path}/:id`,
    { schema: { ...base, summary: 'Get one stream', params: IdParams('stream'), response: { 200: View, ...problems } } },
    async request => toView(await getStream(deps, tenantOf(request), request.params.id)),
  )
  app.get(
    lettersPath,
    {
      schema: {
        ...base,
        summary: 'What of a stream was set aside',
        params: IdParams('stream'),
        querystring: PageQuery,
        response: { 200: PageOf(LetterView), ...problems },
      },
    },
    async request => {
      const tenantId = tenantOf(request)
      const { id } = await getStream(deps, tenantId, request.params.id)
      const read = (page: Parameters<typeof listDeadLetters>[2]) => listDeadLetters(deps.db.forTenant(tenantId), id, page)
      return answerPage(deps.cursors, `${path} ${tenantId} ${id} dead-letters`, request.query, read, toLetterView)
    },
  )
}

async function getStream(deps: V1Deps, tenantId: string, id: string): Promise<StreamView> {
  const row = await findStream(deps.db.forTenant(tenantId), { tenantId }, uuidOf('stream', id))
  if (!row) throw new BrokerError('not_found')
  return row
}

const idOf = ({ params }: Call): string => uuidOf('stream', params['id']!)

function registerStatus(app: V1App, deps: V1Deps): void {
  registerOperation(
    app,
    deps,
    {
      ...ofOwnTenant,
      route: `POST ${path}/:id/status`,
      status: 204,
      async work(trx, call) {
        const { status, reason = null } = call.body as Static<typeof StatusBody>
        const which = { id: idOf(call), tenantId: ownTenant(call.actor) }
        await setStreamStatus(trx, which, { status, reason }, { operator: actorFacts(call.actor) }, call.nowMs)
        return undefined
      },
    },
    { tags, summary: 'Let a stream send, pause or stop', params: IdParams('stream'), body: StatusBody, answer: Type.Null() },
  )
}

function registerLetters(app: V1App, deps: V1Deps): void {
  const letterOf = ({ params }: Call): string => uuidOf('deadLetter', params['dead_letter_id']!)
  registerOperation(
    app,
    deps,
    {
      ...ofOwnTenant,
      route: `POST ${lettersPath}/:dead_letter_id/redeliver`,
      status: 204,
      async work(trx, call) {
        if (!(await redeliverLetter(trx, idOf(call), letterOf(call)))) throw new BrokerError('not_found')
        await announceStream(trx, ownTenant(call.actor))
        await recordLetter(trx, call, 'stream.dead_letter_redelivered')
        return undefined
      },
    },
    { tags, summary: 'Send again what was set aside', params: LetterParams, answer: Type.Null() },
  )
  registerOperation(
    app,
    deps,
    {
      ...ofOwnTenant,
      route: `DELETE ${lettersPath}/:dead_letter_id`,
      status: 204,
      async work(trx, call) {
        if (!(await deleteLetter(trx, idOf(call), letterOf(call)))) throw new BrokerError('not_found')
        await recordLetter(trx, call, 'stream.dead_letter_dropped')
        return undefined
      },
    },
    { tags, summary: 'Throw away what was set aside', params: LetterParams, answer: Type.Null() },
  )
}

function recordLetter(trx: Trx, call: Call, type: `stream.dead_letter_${'redelivered' | 'dropped'}`): Promise<void> {
  const { id, dead_letter_id } = call.params
  const facts = { ...actorFacts(call.actor), stream: id!, dead_letter: dead_letter_id! }
  return recordEvent(trx, { type, tenantId: ownTenant(call.actor), facts }, call.nowMs)
}

const iso = (at: Date | null): string | null => at?.toISOString() ?? null

function toView(row: StreamView): Static<typeof View> {
  const cursor = row.shard === row.feed_shard ? row.cursor : 0
  return {
    id: formatId('stream', row.id),
    receiver: formatId('receiver', row.receiver_id),
    receiver_name: row.receiver_name,
    delivery: row.method,
    ...(row.endpoint_url !== null && { endpoint_url: row.endpoint_url }),
    ...(row.description !== null && { description: row.description }),
    status: row.status,
    ...(row.status_reason !== null && { status_reason: row.status_reason }),
    epoch: cursor,
    behind: row.feed_epoch - cursor,
    waiting_since: iso(row.waiting_since),
    taken_at: iso(row.taken_at),
    failures: row.failures,
    failure: row.failure,
    failure_status: row.failure_status,
    ...(row.hold_until !== null && row.failures > 0 && { retry_at: row.hold_until.toISOString() }),
    dead_letters: row.dead_letters,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  }
}

const toLetterView = (row: DeadLetterRow): Static<typeof LetterView> => ({
  id: formatId('deadLetter', row.id),
  epoch: row.epoch,
  revocation: formatId('revocation', row.event.id),
  subject: row.event.subject,
  err: row.err,
  description: row.description,
  due: row.due,
  at: row.at.toISOString(),
})

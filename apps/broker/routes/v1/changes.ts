import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import { asProposer, holdWaitingChange, isProposer, rejectChange } from '#core/operators/two-person/changes.ts'
import type { Trx } from '#db/connect.ts'
import { type Change, findChange, findTenantOfChange, listChanges } from '#db/operators/changes.ts'
import type { Page } from '#db/registry/page.ts'
import { principalOf, tenantOf } from '../../http/access.ts'
import { answerPage } from './answer-page.ts'
import { ChangeView, showChange } from './change-view.ts'
import { uuidOf } from './collection.ts'
import { approveChange, breakGlass, callOf, collectChange, type DecisionContext } from './decide-change.ts'
import type { V1App, V1Deps } from './deps.ts'
import { withoutStamps } from './operation.ts'
import { closed, IdParams, operatorSecurity, PageOf, PageQuery, problems, Text } from './schemas.ts'

const ListQuery = Type.Object({ ...PageQuery.properties, status: Type.Optional(Type.Literal('waiting')) }, closed)
const Reason = Type.Object(
  { reason: Text('Why nobody else could be asked; kept, and written into the log of the broker.', 500) },
  { ...closed, examples: [{ reason: 'The CA is compromised and nobody else can be reached.' }] },
)
const Collected = Type.Object(
  {},
  {
    additionalProperties: true,
    description: 'What the change would have been answered with at once; a secret is shown this once.',
  },
)

const base = { tags: ['change'], security: operatorSecurity }
const one = { ...base, params: IdParams('change') }

/** Changes that wait for a second person, and what became of them. */
export function changeRoutes(app: V1App, deps: V1Deps): void {
  registerReads(app, deps)
  registerDecisions(app, deps)
  registerBreakGlassAndCollect(app, deps)
}

function registerReads(app: V1App, deps: V1Deps): void {
  app.get(
    '/v1/changes',
    { schema: { ...base, summary: 'List changes', querystring: ListQuery, response: { 200: PageOf(ChangeView), ...problems } } },
    async request => {
      const tenantId = tenantOf(request)
      const waitingOnly = request.query.status === 'waiting'
      const read = (page: Page) => listChanges(deps.db.forTenant(tenantId), tenantId, page, waitingOnly)
      const list = `/v1/changes ${tenantId} ${request.query.status ?? ''}`
      return await answerPage(deps.cursors, list, request.query, read, change => showChange(change))
    },
  )
  app.get(
    '/v1/changes/:id',
    { schema: { ...one, summary: 'Get one change, beside how things stand now', response: { 200: ChangeView, ...problems } } },
    async request => {
      const change = await getVisible(deps, request, request.params.id)
      if (change.status !== 'waiting' || !deps.operations.has(change.operation)) return showChange(change)
      const call = callOf(change, asProposer(change), deps.clock.nowMs())
      const present = await deps.operations.get(change.operation).present?.(deps.db.forTenant(change.tenant_id), call)
      return showChange(change, { present: withoutStamps(present) })
    },
  )
}

function registerDecisions(app: V1App, deps: V1Deps): void {
  const response = { 200: ChangeView, ...problems }
  app.post(
    '/v1/changes/:id/approve',
    { schema: { ...one, summary: 'Let a change of another person pass: it is done at once', response } },
    async (request, reply) => answer(reply, await decide(deps, request, request.params.id, approveChange)),
  )
  app.post(
    '/v1/changes/:id/reject',
    { schema: { ...one, summary: 'Refuse a change of another person, or take back your own', response } },
    async (request, reply) => {
      const reject = async (trx: Trx, { actor, nowMs }: DecisionContext, found: Change) => {
        const change = await holdWaitingChange(trx, found.id, found.tenant_id)
        await rejectChange(trx, change, actor, nowMs)
        return (await findChange(trx, change.id, change.tenant_id))!
      }
      return answer(reply, await decide(deps, request, request.params.id, reject))
    },
  )
}

function registerBreakGlassAndCollect(app: V1App, deps: V1Deps): void {
  app.post(
    '/v1/changes/:id/break-glass',
    {
      schema: {
        ...one,
        summary: 'Let a change pass alone, in an emergency: it raises an alarm',
        body: Reason,
        response: { 200: ChangeView, ...problems },
      },
    },
    async (request, reply) => {
      const { reason } = request.body
      const change = await decide(deps, request, request.params.id, (trx, context, found) =>
        breakGlass(trx, context, found, reason),
      )
      const ids = { change: formatId('change', change.id), tenant: formatId('tenant', change.tenant_id) }
      const actor = formatId('credential', principalOf(request).credentialId)
      app.logger.error(
        { alarm: 'break_glass', request: request.id, ...ids, actor, reason },
        'break glass: a change was let pass by one person',
      )
      return answer(reply, change)
    },
  )
  app.post(
    '/v1/changes/:id/collect',
    {
      schema: {
        ...one,
        summary: 'Do what was approved and get its secret, for the one who proposed it',
        response: { 201: Collected, ...problems },
      },
    },
    async (request, reply) => {
      const outcome = await decide(deps, request, request.params.id, collectChange)
      return reply.code(201).header('cache-control', 'no-store').send(outcome)
    },
  )
}

/** One transaction; what takes long is done before it. */
async function decide<T>(
  deps: V1Deps,
  request: FastifyRequest,
  id: string,
  work: (trx: Trx, context: DecisionContext, found: Change) => Promise<T>,
): Promise<T> {
  const found = await getVisible(deps, request, id)
  const nowMs = deps.clock.nowMs()
  const operation = deps.operations.has(found.operation) ? deps.operations.get(found.operation) : undefined
  const prepared = await operation?.prepare?.(callOf(found, asProposer(found), nowMs))
  const context = { operations: deps.operations, actor: principalOf(request), nowMs, prepared }
  return deps.db
    .forTenant(found.tenant_id)
    .transaction()
    .execute(trx => work(trx, context, found))
}

function answer(reply: { header(name: string, value: string): unknown }, change: Change): Static<typeof ChangeView> {
  reply.header('cache-control', 'no-store')
  return showChange(change)
}

/** A change of the caller's tenant, or one that the caller proposed in another. Throws `not_found`. */
async function getVisible(deps: V1Deps, request: FastifyRequest, id: string): Promise<Change> {
  const actor = principalOf(request)
  const uuid = uuidOf('change', id)
  const tenantId = actor.tenantId ?? (await findTenantOfChange(deps.db, uuid))
  const change = tenantId === undefined ? undefined : await findChange(deps.db.forTenant(tenantId), uuid, tenantId)
  if (!change || (actor.tenantId === null && !isProposer(change, actor))) throw new BrokerError('not_found')
  return change
}

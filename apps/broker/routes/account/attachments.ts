// What an account attaches to itself: asked for by its holder, over its own channel, which is what the access goes back through.

import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { type AttachDeps, attach } from '#core/connector/attach.ts'
import { detach } from '#core/connector/detach.ts'
import { parseHolderKey, sealAccess } from '#core/connector/seal-access.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { parseId } from '#core/ids/id.ts'
import type { Quotas } from '#core/quota/quotas.ts'
import { findAttachment, listAttachments } from '#db/connector/attachments.ts'
import type { Cursors } from '../../http/cursor.ts'
import { answerPage } from '../v1/answer-page.ts'
import { AttachmentView, GivenView, toAttachmentViews } from '../v1/attachment-view.ts'
import { ConnectorRef, PublicJwk, resolveConnector } from '../v1/attachments.ts'
import { closed, PageOf, PageQuery, problems } from '../v1/schemas.ts'
import type { CallerOf } from './account-caller.ts'
import type { AccountRoutes } from './account-routes.ts'

const handlerTimeoutMs = 15_000

const Body = Type.Object(
  { connector: ConnectorRef, encrypt_to: Type.Optional(PublicJwk) },
  { ...closed, examples: [{ connector: 'orders-db' }] },
)

const common = { tags: ['own account'], security: [{ account: [] }] }
const attachSchema = {
  ...common,
  summary: 'Attach something to this account, or renew its access',
  description: 'Asking again ends all access given before. With `encrypt_to` the access is a JWE to that key.',
  body: Body,
  response: { 201: GivenView, ...problems },
}
const listSchema = {
  ...common,
  summary: 'What is attached to this account',
  querystring: PageQuery,
  response: { 200: PageOf(AttachmentView), ...problems },
}
const endSchema = {
  ...common,
  summary: 'Take down one attachment of this account',
  response: { 200: AttachmentView, ...problems },
}

export interface AccountAttachmentDeps extends AttachDeps {
  readonly quotas: Pick<Quotas, 'take'>
}

export const accountAttachmentRoutes =
  (deps: AccountAttachmentDeps, cursors: Cursors): AccountRoutes =>
  (app, prefix, callerOf) => {
    registerAttach(app, prefix, callerOf, deps)
    registerList(app, prefix, callerOf, { deps, cursors })
    registerEnd(app, prefix, callerOf, deps)
  }

function registerAttach(app: FastifyInstance, prefix: string, callerOf: CallerOf, deps: AccountAttachmentDeps): void {
  const options = { schema: attachSchema, handlerTimeout: handlerTimeoutMs }
  app.post<{ Body: Static<typeof Body> }>(`${prefix}/account/attachments`, options, async (request, reply) => {
    const { account, token, agent, snapshot, address } = callerOf(request)
    // Whoever holds a token that is bound to no key may have stolen it, and no answer could be kept from them.
    if (token.key === undefined)
      throw new BrokerError('forbidden', { hint: 'Access is given to tokens that are bound to a key only.' })
    const { tenantId, id: accountId, generation } = account
    const db = deps.dbOf(tenantId)
    const holder = request.body.encrypt_to && parseHolderKey(request.body.encrypt_to, '/encrypt_to')
    const connectorId = await resolveConnector(db, tenantId, request.body.connector)
    // Each works outside and stands in the log: it costs the agent's rates as much as a token.
    await deps.quotas.take({ snapshot, agent, address, opens: false })
    const facts = { by: 'agent', token: token.tokenId, sealed: holder !== undefined } as const
    const { row, access } = await attach(deps, { tenantId, accountId, generation, connectorId, facts })
    const [view] = await toAttachmentViews(db, tenantId, [row])
    const given = holder ? { access_jwe: await sealAccess(access, holder) } : { access }
    return reply
      .code(201)
      .header('cache-control', 'no-store')
      .send({ ...view!, ...given })
  })
}

interface ListDeps {
  readonly deps: AttachDeps
  readonly cursors: Cursors
}

function registerList(app: FastifyInstance, prefix: string, callerOf: CallerOf, { deps, cursors }: ListDeps): void {
  app.get<{ Querystring: Static<typeof PageQuery> }>(
    `${prefix}/account/attachments`,
    { schema: listSchema },
    async (request, reply) => {
      const { tenantId, id } = callerOf(request).account
      const db = deps.dbOf(tenantId)
      const read = async (page: Parameters<typeof listAttachments>[3]) => {
        const rows = await listAttachments(db, tenantId, id, page)
        const views = await toAttachmentViews(db, tenantId, rows)
        return rows.map((row, index) => ({ id: row.id, view: views[index]! }))
      }
      return reply.send(await answerPage(cursors, `attachments ${id}`, request.query, read, ({ view }) => view))
    },
  )
}

function registerEnd(app: FastifyInstance, prefix: string, callerOf: CallerOf, deps: AttachDeps): void {
  app.delete<{ Params: { id: string } }>(`${prefix}/account/attachments/:id`, { schema: endSchema }, async (request, reply) => {
    const { account, token } = callerOf(request)
    const { tenantId, id: accountId } = account
    const id = parseId('attachment', request.params.id)
    if (id === undefined) throw new BrokerError('not_found')
    const db = deps.dbOf(tenantId)
    const facts = { by: 'agent', token: token.tokenId } as const
    await db.transaction().execute(trx => detach(trx, { tenantId, accountId, id }, facts, deps.clock.nowMs()))
    const row = await findAttachment(db, tenantId, id, accountId)
    return reply.send((await toAttachmentViews(db, tenantId, [row!]))[0]!)
  })
}

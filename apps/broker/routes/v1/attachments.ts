// What is attached to accounts, as operators see it, and attaching for an agent that is yet to come: access is then given out
// encrypted to its key alone.

import { type Static, Type } from 'typebox'
import { awaitsKey } from '#core/account/account-credential.ts'
import { attach } from '#core/connector/attach.ts'
import { type AttachmentName, detach, retryAttachment } from '#core/connector/detach.ts'
import { type HolderKey, parseHolderKey, sealAccess } from '#core/connector/seal-access.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { refuseProblems } from '#core/errors/validation-error.ts'
import { parseId } from '#core/ids/id.ts'
import { actorFacts } from '#core/operators/principal.ts'
import type { Db, Trx } from '#db/connect.ts'
import { type AttachmentRow, findAttachment, listAttachments, listParked, readHolding } from '#db/connector/attachments.ts'
import { findConnectorByName } from '#db/connector/connectors.ts'
import { principalOf, tenantOf } from '../../http/access.ts'
import { getAccount } from './account-reads.ts'
import { answerPage } from './answer-page.ts'
import { AttachmentView, GivenView, toAttachmentViews } from './attachment-view.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed, Id, IdParams, operatorSecurity, PageOf, PageQuery, problems } from './schemas.ts'

export const ConnectorRef = Type.String({
  minLength: 1,
  maxLength: 120,
  description: 'Name or id of the connector.',
  examples: ['orders-db'],
})
export const PublicJwk = Type.Object(
  { kty: Type.String({ maxLength: 16 }) },
  { additionalProperties: true, description: 'A public key (RFC 7517): EC, X25519, or RSA of 2048 bits or more.' },
)
const Body = Type.Object(
  { connector: ConnectorRef, holder_key: Type.Optional(PublicJwk) },
  { ...closed, examples: [{ connector: 'orders-db' }] },
)

const path = '/v1/accounts/:id/attachments'
const base = { tags: ['attachment'], security: operatorSecurity }
const OneParams = Type.Object({ id: Id('account'), attachment_id: Id('attachment') }, closed)

export function attachmentRoutes(app: V1App, deps: V1Deps): void {
  registerAttach(app, deps)
  registerLists(app, deps)
  registerOne(app, deps)
}

function registerAttach(app: V1App, deps: V1Deps): void {
  app.post(
    path,
    {
      schema: {
        ...base,
        summary: 'Attach something to an account, or renew its access',
        description:
          'Without a key the thing is made and nobody has access until the agent asks for it itself. Asking again ends all access given before.',
        params: IdParams('account'),
        body: Body,
        response: { 201: GivenView, ...problems },
      },
    },
    async (request, reply) => {
      const [tenantId, accountId] = [tenantOf(request), uuidOf('account', request.params.id)]
      const db = deps.db.forTenant(tenantId)
      await getAccount(deps, tenantId, accountId)
      const { holder_key: jwk } = request.body
      const holder = jwk && (await checkHolder(deps, tenantId, accountId, parseHolderKey(jwk, '/holder_key')))
      const connectorId = await resolveConnector(db, tenantId, request.body.connector)
      const facts = { ...actorFacts(principalOf(request)), sealed: holder !== undefined }
      const asked = { tenantId, accountId, generation: undefined, connectorId, facts }
      const { row, access } = await attach(deps.attachments, asked)
      const [view] = await toAttachmentViews(db, tenantId, [row])
      const sealed = holder && { access_jwe: await sealAccess(access, holder) }
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...view!, ...sealed })
    },
  )
}

/**
 * Only for an account that was opened ahead and is nobody else's yet: whoever asks names the key, so access to what an agent has
 * made for itself, or to what a person has claimed, would else be an operator's for the asking.
 */
async function checkHolder(deps: V1Deps, tenantId: string, accountId: string, holder: HolderKey): Promise<HolderKey> {
  const { thumbprint } = holder
  const holding = await readHolding(deps.db.forTenant(tenantId), tenantId, accountId)
  const credential = deps.accounts.opening.credentialOf(accountId)
  const isTheirs =
    holding?.state === 'a' &&
    awaitsKey(holding.opener, credential, thumbprint) &&
    (holding.key === null || holding.key === Buffer.from(thumbprint, 'base64url').toString('hex'))
  if (!isTheirs)
    refuseProblems([{ pointer: '/holder_key', detail: 'The account belongs to another key. Its holder asks for access itself.' }])
  return holder
}

/** Throws BrokerError `not_found`. */
export async function resolveConnector(db: Db, tenantId: string, reference: string): Promise<string> {
  const id = parseId('connector', reference)
  if (id !== undefined) return id
  const row = await findConnectorByName(db, reference, tenantId)
  if (!row) throw new BrokerError('not_found', { hint: 'There is no such connector.' })
  return row.id
}

function registerLists(app: V1App, deps: V1Deps): void {
  const response = { 200: PageOf(AttachmentView), ...problems }
  const answer = async (list: string, query: Static<typeof PageQuery>, tenantId: string, read: Parameters<typeof readPage>[2]) =>
    answerPage(
      deps.cursors,
      list,
      query,
      page => readPage(deps.db.forTenant(tenantId), tenantId, read, page),
      ({ view }) => view,
    )
  app.get(
    path,
    {
      schema: {
        ...base,
        summary: 'What is attached to an account',
        params: IdParams('account'),
        querystring: PageQuery,
        response,
      },
    },
    async (request, reply) => {
      const [tenantId, accountId] = [tenantOf(request), uuidOf('account', request.params.id)]
      const list = `${path} ${tenantId} ${accountId}`
      return reply.send(await answer(list, request.query, tenantId, (db, page) => listAttachments(db, tenantId, accountId, page)))
    },
  )
  app.get(
    '/v1/attachments/parked',
    { schema: { ...base, summary: 'Attachments that cannot be taken down or locked', querystring: PageQuery, response } },
    async (request, reply) => {
      const tenantId = tenantOf(request)
      const list = `/v1/attachments/parked ${tenantId}`
      return reply.send(await answer(list, request.query, tenantId, (db, page) => listParked(db, tenantId, page)))
    },
  )
}

type Page = Parameters<typeof listParked>[2]

async function readPage(
  db: Db,
  tenantId: string,
  read: (db: Db, page: Page) => Promise<readonly AttachmentRow[]>,
  page: Page,
): Promise<{ id: string; view: Static<typeof AttachmentView> }[]> {
  const rows = await read(db, page)
  const views = await toAttachmentViews(db, tenantId, rows)
  return rows.map((row, index) => ({ id: row.id, view: views[index]! }))
}

function registerOne(app: V1App, deps: V1Deps): void {
  const response = { 200: AttachmentView, ...problems }
  const change = async (name: AttachmentName, work: (trx: Trx) => Promise<void>) => {
    const db = deps.db.forTenant(name.tenantId)
    await db.transaction().execute(work)
    const row = await findAttachment(db, name.tenantId, name.id, name.accountId)
    return (await toAttachmentViews(db, name.tenantId, [row!]))[0]!
  }
  const nameOf = (tenantId: string, params: Static<typeof OneParams>): AttachmentName => ({
    tenantId,
    accountId: uuidOf('account', params.id),
    id: uuidOf('attachment', params.attachment_id),
  })
  app.delete(
    `${path}/:attachment_id`,
    { schema: { ...base, summary: 'Take down one attachment', params: OneParams, response } },
    async (request, reply) => {
      const name = nameOf(tenantOf(request), request.params)
      const facts = { ...actorFacts(principalOf(request)), by: 'operator' } as const
      return reply.send(await change(name, trx => detach(trx, name, facts, deps.clock.nowMs())))
    },
  )
  app.post(
    `${path}/:attachment_id/retry`,
    { schema: { ...base, summary: 'Try again what is parked', params: OneParams, response } },
    async (request, reply) => {
      const name = nameOf(tenantOf(request), request.params)
      const facts = actorFacts(principalOf(request))
      return reply.send(await change(name, trx => retryAttachment(trx, name, facts, deps.clock.nowMs())))
    },
  )
}

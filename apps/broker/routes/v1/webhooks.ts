// Webhooks: who is told what becomes of accounts, and what became of the telling.

import { type Static, Type } from 'typebox'
import { recordEvent } from '#core/audit/record.ts'
import { decisions } from '#core/audit/stream/decision.ts'
import { reasonPattern, typePattern } from '#core/audit/stream/filter.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import { actorFacts } from '#core/operators/principal.ts'
import { webhookEventTypes } from '#core/webhook/event-types.ts'
import { registerWebhook, removeWebhook, replaceWebhook, type WebhookInput, webhookConfigOf } from '#core/webhook/webhooks.ts'
import { listMessages, type MessageRow, redeliver } from '#db/webhook/messages.ts'
import { findWebhook, listWebhooks, type WebhookRow } from '#db/webhook/webhooks.ts'
import { ownTenant, principalOf, tenantOf } from '../../http/access.ts'
import { answerPage } from './answer-page.ts'
import { registerReads, stamps, uuidOf } from './collection.ts'
import { CaPem } from './connector-schema.ts'
import type { V1App, V1Deps } from './deps.ts'
import { type Call, ofOwnTenant } from './operation.ts'
import { registerOperation } from './register-operation.ts'
import { closed, Id, IdParams, Name, operatorSecurity, PageOf, PageQuery, problems, Time, Uri } from './schemas.ts'

const path = '/v1/webhooks'
const tags = ['webhook']
const base = { tags, security: operatorSecurity }

const Audit = Type.Object(
  {
    types: Type.Optional(
      Type.Array(Type.String({ pattern: typePattern }), {
        minItems: 1,
        maxItems: 64,
        uniqueItems: true,
        description: 'token.issued, or all below a word: token.*; all when nothing is said.',
      }),
    ),
    decision: Type.Optional(Type.Enum([...decisions], { description: 'Only what was decided so.' })),
    reason: Type.Optional(Type.String({ pattern: reasonPattern, description: 'A reason code, or its beginning: scope*' })),
    agent: Type.Optional(Id('agent')),
    account: Type.Optional(Id('account')),
    begin: Type.Optional(
      Type.Enum(['now', 'start'] as const, { default: 'now', description: 'Where it begins; read once, when it does.' }),
    ),
    leaf: Type.Optional(Type.Boolean({ default: false, description: 'Whether the exact leaf is sent with each entry.' })),
    format: Type.Optional(
      Type.Enum(['entry', 'ocsf'] as const, {
        description:
          'entry unless it says so. ocsf: each entry as an event of schema.ocsf.io, with the exact leaf as its raw_data.',
      }),
    ),
  },
  { ...closed, description: "The tenant's log as it grows, in its order." },
)

const body = {
  name: Name,
  url: Uri('Where messages are sent to; https.'),
  events: Type.Optional(
    Type.Array(Type.Enum([...webhookEventTypes]), {
      maxItems: 32,
      uniqueItems: true,
      description: 'What becomes of accounts; at once, in no order.',
    }),
  ),
  audit: Type.Optional(Audit),
  signature: Type.Optional(
    Type.Enum(['hmac', 'ed25519'] as const, { default: 'hmac', description: 'Standard Webhooks v1 or v1a.' }),
  ),
  ca_pem: CaPem,
}
const Body = Type.Object(body, {
  ...closed,
  examples: [{ name: 'operations', url: 'https://hooks.example.com/mayfly', events: ['account.claimed', 'account.torn_down'] }],
})
const shown = {
  id: Id('webhook'),
  created_at: Time,
  updated_at: Time,
  ...body,
  events: Type.Array(Type.String()),
  public_key: Type.Optional(Type.String({ description: 'With ed25519: whpk_ and base64.' })),
  failures: Type.Integer({ description: 'In a row, up to now.' }),
}
const View = Type.Object(shown, closed)
const Created = Type.Object(
  { ...shown, signing_secret: Type.Optional(Type.String({ description: 'With hmac: whsec_ and base64. Shown this once.' })) },
  closed,
)
const MessageView = Type.Object(
  {
    id: Id('message'),
    type: Type.String(),
    state: Type.Enum(['waiting', 'delivered', 'parked']),
    attempts: Type.Integer(),
    status: Type.Union([Type.Integer(), Type.Null()]),
    failure: Type.Union([Type.String(), Type.Null()]),
    created_at: Time,
    due_at: Time,
    settled_at: Type.Union([Time, Type.Null()]),
  },
  closed,
)
const MessageParams = Type.Object({ id: Id('webhook'), message_id: Id('message') }, closed)

export function webhookRoutes(app: V1App, deps: V1Deps): void {
  registerReads(app, deps, { path, idKind: 'webhook', noun: 'webhook', View, toView, list: listWebhooks, find: findWebhook })
  registerCreate(app, deps)
  registerChanges(app, deps)
  registerMessages(app, deps)
}

async function getWebhook(deps: V1Deps, tenantId: string, id: string): Promise<WebhookRow> {
  const row = await findWebhook(deps.db.forTenant(tenantId), uuidOf('webhook', id), tenantId)
  if (!row) throw new BrokerError('not_found')
  return row
}

const changeBy = (deps: V1Deps, { actor, nowMs }: Call) => ({
  actor,
  tenantId: ownTenant(actor),
  keyEncryption: deps.keyEncryption,
  nowMs,
})
const inputOf = ({ body: sent }: Call): WebhookInput => {
  const { signature = 'hmac', events = [], ca_pem, audit, ...rest } = sent as Static<typeof Body>
  const { begin = 'now', leaf = false, ...wanted } = audit ?? {}
  return {
    ...rest,
    signature,
    events,
    ...(ca_pem !== undefined && { ca_pem }),
    ...(audit && { audit: { ...wanted, begin, leaf } }),
  }
}

function registerCreate(app: V1App, deps: V1Deps): void {
  registerOperation(
    app,
    deps,
    {
      ...ofOwnTenant,
      route: `POST ${path}`,
      status: 201,
      secret: true,
      async work(trx, call) {
        const { row, secret } = await registerWebhook(trx, changeBy(deps, call), inputOf(call))
        return { ...toView(row), ...(secret && { signing_secret: secret }) }
      },
    },
    { tags, summary: 'Register one webhook', body: Body, answer: Created },
  )
}

function registerChanges(app: V1App, deps: V1Deps): void {
  const idOf = ({ params }: Call): string => uuidOf('webhook', params['id']!)
  registerOperation(
    app,
    deps,
    {
      ...ofOwnTenant,
      route: `PUT ${path}/:id`,
      status: 200,
      work: async (trx, call) => toView(await replaceWebhook(trx, changeBy(deps, call), idOf(call), inputOf(call))),
    },
    { tags, summary: 'Replace one webhook', params: IdParams('webhook'), body: Body, answer: View },
  )
  registerOperation(
    app,
    deps,
    {
      ...ofOwnTenant,
      route: `DELETE ${path}/:id`,
      status: 204,
      async work(trx, call) {
        await removeWebhook(trx, changeBy(deps, call), idOf(call))
        return undefined
      },
    },
    { tags, summary: 'Remove one webhook', params: IdParams('webhook'), answer: Type.Null() },
  )
}

function registerMessages(app: V1App, deps: V1Deps): void {
  app.get(
    `${path}/:id/messages`,
    {
      schema: {
        ...base,
        summary: 'What was sent, or waits to be',
        params: IdParams('webhook'),
        querystring: PageQuery,
        response: { 200: PageOf(MessageView), ...problems },
      },
    },
    async request => {
      const tenantId = tenantOf(request)
      const { id } = await getWebhook(deps, tenantId, request.params.id)
      const read = (page: Parameters<typeof listMessages>[3]) => listMessages(deps.db.forTenant(tenantId), tenantId, id, page)
      return answerPage(deps.cursors, `${path} ${tenantId} ${id} messages`, request.query, read, toMessageView)
    },
  )
  app.post(
    `${path}/:id/messages/:message_id/redeliver`,
    {
      schema: { ...base, summary: 'Send one message again', params: MessageParams, response: { 204: Type.Null(), ...problems } },
    },
    async (request, reply) => {
      const { id, message_id } = request.params
      const [tenantId, webhookId, messageId] = [tenantOf(request), uuidOf('webhook', id), uuidOf('message', message_id)]
      const db = deps.db.forTenant(tenantId)
      const facts = { ...actorFacts(principalOf(request)), webhook: id, message: message_id }
      await db.transaction().execute(async trx => {
        if (!(await redeliver(trx, tenantId, webhookId, messageId))) throw new BrokerError('not_found')
        await recordEvent(trx, { type: 'webhook.redelivered', tenantId, facts }, deps.clock.nowMs())
      })
      return reply.code(204).send(null)
    },
  )
}

function toView(row: WebhookRow): Static<typeof View> {
  const { url, events, signature, ca_pem, audit } = webhookConfigOf(row)
  return {
    ...stamps('webhook', row),
    ...{ name: row.name, url, events: [...events], signature, failures: row.failures },
    ...(ca_pem !== undefined && { ca_pem }),
    ...(audit && { audit: audit as Static<typeof Audit> }),
    ...(row.public_key !== null && { public_key: row.public_key }),
  }
}

const toMessageView = (row: MessageRow): Static<typeof MessageView> => ({
  id: formatId('message', row.id),
  type: row.type,
  state: row.state as Static<typeof MessageView>['state'],
  attempts: row.attempts,
  status: row.status,
  failure: row.failure,
  created_at: row.created_at.toISOString(),
  due_at: row.due_at.toISOString(),
  settled_at: row.settled_at?.toISOString() ?? null,
})

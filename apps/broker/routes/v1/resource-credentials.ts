import { Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import {
  createResourceCredential,
  DEFAULT_RESOURCE_TTL_SECONDS,
  revokeResourceCredential,
} from '#core/operators/resource-credentials.ts'
import { type CredentialRow, listCredentials } from '#db/registry/credentials.ts'
import { findResource } from '#db/registry/resources.ts'
import { principalOf, rowsOf, tenantOf } from '../../http/access.ts'
import { answerPage } from './answer-page.ts'
import { answerChange } from './change.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import {
  closed,
  Id,
  IdempotencyHeader,
  IdParams,
  Name,
  operatorSecurity,
  PageOf,
  PageQuery,
  problems,
  Time,
  TtlSeconds,
} from './schemas.ts'

const body = { name: Name }
const Body = Type.Object(
  {
    ...body,
    expires_in_seconds: Type.Optional(TtlSeconds(2 * 365 * 86_400, DEFAULT_RESOURCE_TTL_SECONDS, 'How long it works.')),
  },
  { ...closed, examples: [{ name: 'orders-api in production' }] },
)
const shown = { id: Id('credential'), resource: Id('resource'), ...body, created_at: Time, expires_at: Time }
const View = Type.Object(shown, closed)
const Created = Type.Object({ ...shown, token: Type.String({ description: 'Shown this once.' }) }, closed)

const path = '/v1/resources/:id/credentials'
const base = { tags: ['resource credential'], security: operatorSecurity }

/** With these a protected resource consumes nonces and reports decisions. */
export function resourceCredentialRoutes(app: V1App, deps: V1Deps): void {
  registerCreate(app, deps)
  registerListAndEnd(app, deps)
}

function registerCreate(app: V1App, deps: V1Deps): void {
  app.post(
    path,
    {
      schema: {
        ...base,
        summary: 'Create a credential for a resource',
        params: IdParams('resource'),
        headers: IdempotencyHeader,
        body: Body,
        response: { 201: Created, ...problems },
      },
    },
    async (request, reply) => {
      const { name, expires_in_seconds: ttlSeconds = DEFAULT_RESOURCE_TTL_SECONDS } = request.body
      const input = { tenantId: tenantOf(request), resourceId: uuidOf('resource', request.params.id), name, ttlSeconds }
      return answerChange(deps.db, request, reply, { status: 201, secret: true }, async trx => {
        const { row, secret } = await createResourceCredential(trx, principalOf(request), input, deps.clock.nowMs())
        return { ...toView(row), token: secret }
      })
    },
  )
}

function registerListAndEnd(app: V1App, deps: V1Deps): void {
  app.get(
    path,
    {
      schema: {
        ...base,
        summary: "List a resource's credentials",
        params: IdParams('resource'),
        querystring: PageQuery,
        response: { 200: PageOf(View), ...problems },
      },
    },
    async (request, reply) => {
      const [tenantId, resourceId] = [tenantOf(request), uuidOf('resource', request.params.id)]
      if (!(await findResource(deps.db.forTenant(tenantId), resourceId, tenantId))) throw new BrokerError('not_found')
      const scope = { kind: 'resource', tenantId, resourceId } as const
      const list = `${path} ${tenantId} ${resourceId}`
      return reply.send(
        await answerPage(
          deps.cursors,
          list,
          request.query,
          page => listCredentials(deps.db.forTenant(tenantId), scope, page),
          toView,
        ),
      )
    },
  )
  app.delete(
    `${path}/:credential_id`,
    {
      schema: {
        ...base,
        summary: 'End a credential of a resource',
        params: Type.Object({ id: Id('resource'), credential_id: Id('credential') }, closed),
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      const { id, credential_id } = request.params
      const which = { tenantId: tenantOf(request), resourceId: uuidOf('resource', id), id: uuidOf('credential', credential_id) }
      await rowsOf(deps.db, request)
        .transaction()
        .execute(trx => revokeResourceCredential(trx, principalOf(request), which, deps.clock.nowMs()))
      return reply.code(204).send(null)
    },
  )
}

const toView = (row: CredentialRow) => ({
  id: formatId('credential', row.id),
  resource: formatId('resource', row.resource_id!),
  name: row.name,
  created_at: row.created_at.toISOString(),
  expires_at: row.expires_at.toISOString(),
})

import { type Static, Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import { createOperator, DEFAULT_OPERATOR_TTL_SECONDS, mayManage, revokeOperator } from '#core/operators/operator-tokens.ts'
import { type OperatorRole, operatorRoles, type Principal } from '#core/operators/principal.ts'
import { holdTenant } from '#core/registry/tenants.ts'
import { type CredentialRow, listCredentials } from '#db/registry/credentials.ts'
import { principalOf } from '../../http/access.ts'
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

const Role = Type.Enum([...operatorRoles])
const Tenant = Id('tenant', 'Whose operator it is. Needed from a platform-admin for every role but its own; else left out.')

const Body = Type.Object(
  {
    name: Name,
    role: Role,
    tenant: Type.Optional(Tenant),
    expires_in_seconds: Type.Optional(TtlSeconds(365 * 86_400, DEFAULT_OPERATOR_TTL_SECONDS, 'How long the token works.')),
  },
  { ...closed, examples: [{ name: 'quarterly audit', role: 'auditor', expires_in_seconds: 604_800 }] },
)
const shown = {
  id: Id('credential'),
  name: Type.String(),
  role: Role,
  tenant: Type.Optional(Id('tenant')),
  created_at: Time,
  expires_at: Time,
}
const View = Type.Object(shown, closed)
const Created = Type.Object({ ...shown, token: Type.String({ description: 'Shown this once.' }) }, closed)
const ListQuery = Type.Object({ ...PageQuery.properties, tenant: Type.Optional(Tenant) }, closed)

const base = { tags: ['operator'], security: operatorSecurity }

export function operatorRoutes(app: V1App, deps: V1Deps): void {
  registerCreate(app, deps)
  registerListAndEnd(app, deps)
}

function registerCreate(app: V1App, deps: V1Deps): void {
  app.post(
    '/v1/operators',
    {
      schema: {
        ...base,
        summary: 'Create an operator token',
        headers: IdempotencyHeader,
        body: Body,
        response: { 201: Created, ...problems },
      },
    },
    async (request, reply) => {
      const actor = principalOf(request)
      const { name, role, tenant, expires_in_seconds: ttlSeconds = DEFAULT_OPERATOR_TTL_SECONDS } = request.body
      const tenantId = targetTenant(actor, role as OperatorRole, tenant)
      return answerChange(deps.db, request, reply, { status: 201, secret: true }, async trx => {
        if (tenantId !== null) await holdTenant(trx, tenantId)
        const input = { name, role: role as OperatorRole, tenantId, ttlSeconds }
        const { row, secret } = await createOperator(trx, actor, input, deps.clock.nowMs())
        return { ...toView(row), token: secret }
      })
    },
  )
}

function registerListAndEnd(app: V1App, deps: V1Deps): void {
  app.get(
    '/v1/operators',
    {
      schema: { ...base, summary: 'List operator tokens', querystring: ListQuery, response: { 200: PageOf(View), ...problems } },
    },
    async request => {
      const tenantId = visibleTenant(principalOf(request), request.query.tenant)
      const list = `/v1/operators ${tenantId ?? 'all'}`
      const scope = { kind: 'operator', tenantId } as const
      return await answerPage(deps.cursors, list, request.query, page => listCredentials(deps.db, scope, page), toView)
    },
  )
  app.delete(
    '/v1/operators/:id',
    {
      schema: {
        ...base,
        summary: 'End an operator token',
        params: IdParams('credential'),
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      const id = uuidOf('credential', request.params.id)
      await deps.db.transaction().execute(trx => revokeOperator(trx, principalOf(request), id, deps.clock.nowMs()))
      return reply.code(204).send(null)
    },
  )
}

function targetTenant(actor: Principal, role: OperatorRole, named: string | undefined): string | null {
  const wanted = named === undefined ? undefined : uuidOf('tenant', named)
  const tenantId = role === 'platform-admin' ? (wanted ?? null) : (wanted ?? actor.tenantId)
  if (!mayManage(actor, tenantId))
    throw new BrokerError('forbidden', { hint: 'You may create operators of your own tenant only, and no platform-admin.' })
  return tenantId
}

/** undefined: every tenant's. */
function visibleTenant(actor: Principal, named: string | undefined): string | undefined {
  const wanted = named === undefined ? undefined : uuidOf('tenant', named)
  if (actor.role === 'platform-admin') return wanted
  if (actor.tenantId === null || (wanted !== undefined && wanted !== actor.tenantId)) throw new BrokerError('forbidden')
  return actor.tenantId
}

function toView(row: CredentialRow): Static<typeof View> {
  return {
    id: formatId('credential', row.id),
    name: row.name,
    role: row.role as OperatorRole,
    ...(row.tenant_id !== null && { tenant: formatId('tenant', row.tenant_id) }),
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
  }
}

import { type Static, Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import {
  createOperator,
  DEFAULT_OPERATOR_TTL_SECONDS,
  mayManage,
  type OperatorInput,
  revokeOperator,
} from '#core/operators/operator-tokens.ts'
import { type OperatorRole, operatorRoles, type Principal } from '#core/operators/principal.ts'
import { holdTenant } from '#core/registry/tenants.ts'
import {
  type CredentialPerson,
  type CredentialRow,
  findCredential,
  listAllOperators,
  listCredentials,
} from '#db/registry/credentials.ts'
import type { Page } from '#db/registry/page.ts'
import { principalOf, rowsOf } from '../../http/access.ts'
import { answerPage } from './answer-page.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import type { Call } from './operation.ts'
import { PersonView, showPerson } from './person-view.ts'
import { registerOperation } from './register-operation.ts'
import { closed, Id, IdParams, Name, operatorSecurity, PageOf, PageQuery, problems, Time, TtlSeconds } from './schemas.ts'

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
  owner: Type.Optional(PersonView),
  made_by: Type.Optional(Id('credential', 'The credential that made it, which may have ended since.')),
  created_at: Time,
  expires_at: Time,
  last_used_at: Type.Optional(Type.String({ description: 'RFC 3339, UTC, to the hour. Missing: never.' })),
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
  const inputOf = ({ actor, body }: Call): OperatorInput => {
    const { name, role, tenant, expires_in_seconds: ttlSeconds = DEFAULT_OPERATOR_TTL_SECONDS } = body as Static<typeof Body>
    return { name, role: role as OperatorRole, tenantId: targetTenant(actor, role as OperatorRole, tenant), ttlSeconds }
  }
  registerOperation(
    app,
    deps,
    {
      route: 'POST /v1/operators',
      status: 201,
      secret: true,
      tenantOf: call => inputOf(call).tenantId,
      work: async (trx, call) => {
        const input = inputOf(call)
        if (input.tenantId !== null) await holdTenant(trx, input.tenantId)
        const { row, secret } = await createOperator(trx, call.actor, input, call.nowMs)
        const made = await findCredential(trx, { kind: 'operator', tenantId: input.tenantId }, row.id)
        return { ...toView(made!), token: secret }
      },
    },
    { tags: base.tags, summary: 'Create an operator token', body: Body, answer: Created },
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
      const read = (page: Page) =>
        tenantId === undefined
          ? listAllOperators(deps.db, page)
          : listCredentials(deps.db.forTenant(tenantId), { kind: 'operator', tenantId }, page)
      return await answerPage(deps.cursors, list, request.query, read, toView)
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
      await rowsOf(deps.db, request)
        .transaction()
        .execute(trx => revokeOperator(trx, principalOf(request), id, deps.clock.nowMs()))
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

function toView(row: CredentialRow & CredentialPerson): Static<typeof View> {
  return {
    id: formatId('credential', row.id),
    name: row.name,
    role: row.role as OperatorRole,
    ...(row.tenant_id !== null && { tenant: formatId('tenant', row.tenant_id) }),
    ...(row.person_id !== null && { owner: showPerson({ ...row, id: row.person_id, name: row.person_name }) }),
    ...(row.made_by !== null && { made_by: formatId('credential', row.made_by) }),
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
    ...(row.last_used_at !== null && { last_used_at: row.last_used_at.toISOString() }),
  }
}

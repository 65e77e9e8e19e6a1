import { type Static, type TSchema, Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { Principal } from '#core/operators/principal.ts'
import { greatestLimit, type LimitName, type Limits, limitNames, limitRows, standardLimits } from '#core/quota/limits.ts'
import { setLimits, viewLimits } from '#core/quota/tenant-limits.ts'
import { findTenantLimits } from '#db/quota/tenant-limits.ts'
import { findTenant } from '#db/registry/tenants.ts'
import { withTenant } from '#db/with-tenant.ts'
import { principalOf } from '../../http/access.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { registerOperation } from './register-operation.ts'
import { closed, IdParams, operatorSecurity, problems } from './schemas.ts'

/** Some of the limits, by name; null: none. */
export const LimitsOf = (names: readonly LimitName[]) => {
  const limit = (name: LimitName): TSchema =>
    Type.Optional(
      Type.Union([Type.Integer({ minimum: 0, maximum: greatestLimit }), Type.Null()], { description: limitRows[name].text }),
    )
  return Type.Unsafe<Partial<Limits>>(Type.Object(Object.fromEntries(names.map(name => [name, limit(name)])), closed))
}

const AnyLimits = LimitsOf(limitNames)
const Body = Type.Object(
  { limits: AnyLimits },
  { ...closed, examples: [{ limits: { tenant_live_accounts: 10_000, agent_tokens_per_minute: 6_000 } }] },
)
const View = Type.Object(
  {
    limits: Type.Unsafe<Limits>(AnyLimits),
    granted: Type.Unsafe<Partial<Limits>>({ ...AnyLimits, description: 'What a platform-admin has said.' }),
    own: Type.Unsafe<Partial<Limits>>({ ...AnyLimits, description: 'What the tenant has said; it can only set less.' }),
  },
  closed,
)

const path = '/v1/tenants/:id/limits'

export function limitRoutes(app: V1App, deps: V1Deps): void {
  const tags = ['tenant']
  const deployment = deps.limits ?? standardLimits
  app.get(
    path,
    {
      schema: {
        tags,
        security: operatorSecurity,
        summary: 'Which limits hold for a tenant',
        params: IdParams('tenant'),
        response: { 200: View, ...problems },
      },
    },
    async request => {
      const tenantId = visibleTenant(principalOf(request), request.params.id)
      const rows = deps.db.forTenant(tenantId)
      if (!(await findTenant(rows, tenantId))) throw new BrokerError('not_found')
      return viewLimits(deployment, await findTenantLimits(rows, tenantId))
    },
  )
  registerOperation(
    app,
    deps,
    {
      route: `PUT ${path}`,
      status: 200,
      tenantOf: ({ actor, params }) => visibleTenant(actor, params['id']!),
      work: (trx, { actor, params, body, nowMs }) => {
        const tenantId = visibleTenant(actor, params['id']!)
        const { limits } = body as Static<typeof Body>
        return withTenant(trx, tenantId, () => setLimits(trx, { actor, tenantId, deployment, nowMs }, limits))
      },
    },
    {
      tags,
      summary: 'Set limits of a tenant: a platform-admin grants, a tenant-admin sets less',
      params: IdParams('tenant'),
      body: Body,
      answer: View,
    },
  )
}

/** A platform-admin sees all tenants, everybody else the own one. */
export function visibleTenant(actor: Principal, named: string): string {
  const id = uuidOf('tenant', named)
  if (actor.tenantId !== null && actor.tenantId !== id) throw new BrokerError('not_found')
  return id
}

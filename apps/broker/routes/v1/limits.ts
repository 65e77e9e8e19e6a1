import { type TSchema, Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import { greatestLimit, type LimitName, type Limits, limitNames, limitRows, standardLimits } from '#core/quota/limits.ts'
import { setLimits, viewLimits } from '#core/quota/tenant-limits.ts'
import { findTenantLimits } from '#db/quota/tenant-limits.ts'
import { findTenant } from '#db/registry/tenants.ts'
import { withTenant } from '#db/with-tenant.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed } from './schemas.ts'
import { registerTenantSetting } from './tenant-setting.ts'

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

export function limitRoutes(app: V1App, deps: V1Deps): void {
  const deployment = deps.limits ?? standardLimits
  registerTenantSetting(app, deps, {
    path: '/v1/tenants/:id/limits',
    tag: 'tenant',
    summaries: {
      get: 'Which limits hold for a tenant',
      put: 'Set limits of a tenant: a platform-admin grants, a tenant-admin sets less',
    },
    Body,
    View,
    async show(db, tenantId) {
      if (!(await findTenant(db, tenantId))) throw new BrokerError('not_found')
      return viewLimits(deployment, await findTenantLimits(db, tenantId))
    },
    set: (trx, change, { limits }) => withTenant(trx, change.tenantId, () => setLimits(trx, { ...change, deployment }, limits)),
  })
}

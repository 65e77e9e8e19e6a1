// The limits of a tenant as people set them: a platform-admin grants, the tenant itself may set less.

import { recordEvent } from '#core/audit/record.ts'
import { refuseProblems } from '#core/errors/validation-error.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import { holdTenant } from '#core/registry/tenants.ts'
import type { Trx } from '#db/connect.ts'
import { findTenantLimits, putTenantLimits, type TenantLimitsRow } from '#db/quota/tenant-limits.ts'
import { findLimitFaults, type LimitName, type Limits, limitNames, lowestLimits, withLimits } from './limits.ts'

export interface LimitsView {
  /** What holds. */
  readonly limits: Limits
  readonly granted: Partial<Limits>
  readonly own: Partial<Limits>
}

export function viewLimits(deployment: Limits, { granted, own }: TenantLimitsRow): LimitsView {
  return { limits: lowestLimits(withLimits(deployment, granted), own), granted, own }
}

export interface LimitsChange {
  readonly actor: Principal
  /** uuid */
  readonly tenantId: string
  /** The deployment's defaults. */
  readonly deployment: Limits
  readonly nowMs: number
}

/**
 * Replaces what the actor's side has said: what is granted for a platform-admin, else what the tenant set itself.
 * Throws `not_found`, and ValidationError for a tenant that would have more than it was granted.
 */
export async function setLimits(trx: Trx, change: LimitsChange, said: Partial<Limits>): Promise<LimitsView> {
  const { actor, tenantId, deployment, nowMs } = change
  await holdTenant(trx, tenantId)
  const before = await findTenantLimits(trx, tenantId)
  const part = actor.role === 'platform-admin' ? 'granted' : 'own'
  refuseProblems([
    ...findLimitFaults(said, '/limits', false),
    ...(part === 'own' ? findExcess(withLimits(deployment, before.granted), said) : []),
  ])
  await putTenantLimits(trx, tenantId, part, said)
  await recordEvent(trx, { type: 'limits.changed', tenantId, facts: { ...actorFacts(actor), part, limits: said } }, nowMs)
  return viewLimits(deployment, { ...before, [part]: said })
}

function findExcess(granted: Limits, said: Partial<Limits>) {
  const isTooMuch = (name: LimitName): boolean => {
    const [most, wanted] = [granted[name], said[name]]
    return most !== null && wanted !== undefined && (wanted === null || wanted > most)
  }
  return limitNames.filter(isTooMuch).map(name => ({
    pointer: `/limits/${name}`,
    detail: `The platform grants ${granted[name]}. A tenant can set less for itself; ask a platform-admin for more.`,
  }))
}

// How long bodies of the log stay. Leaves stay for ever, so every proof holds whatever has gone.
//
// The table stands in the database too (`log.retention_class`), where the function that drops reads it: whoever holds a broker can drop
// nothing before its time. A test holds one against the other.

import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import type { Trx } from '#db/connect.ts'
import { findRetention, type RetentionRow, storeRetention } from '#db/erasure/retention.ts'
import { lockTenant } from '#db/registry/tenants.ts'

/** Months: what holds where a tenant says nothing, and the least that it may say. */
export const retentionClasses = {
  security: { months: 120, least: 12 },
  standard: { months: 84, least: 3 },
  short: { months: 13, least: 1 },
} as const
export type RetentionName = keyof typeof retentionClasses

/** A hundred years. */
export const longestMonths = 1_200

export type Months = Readonly<Record<RetentionName, number>>

const names = Object.keys(retentionClasses) as RetentionName[]

/** What holds for a tenant that has said this. */
export function monthsOf(own: RetentionRow | undefined): Months {
  const months = names.map(name => [name, own?.[name] ?? retentionClasses[name].months] as const)
  return Object.fromEntries(months) as Months
}

/** Says how long bodies of a tenant's entries stay; null: as the deployment does. Returns what holds. Throws `not_found`, `malformed_request`. */
export async function setRetention(
  trx: Trx,
  change: { readonly actor: Principal; readonly tenantId: string; readonly nowMs: number },
  wanted: RetentionRow,
): Promise<Months> {
  const { actor, tenantId, nowMs } = change
  for (const name of names) {
    const months = wanted[name]
    const { least } = retentionClasses[name]
    if (months !== null && (months < least || months > longestMonths))
      throw new BrokerError('malformed_request', { hint: `${name} must be from ${least} to ${longestMonths} months.` })
  }
  if (!(await lockTenant(trx, tenantId))) throw new BrokerError('not_found')
  await storeRetention(trx, tenantId, wanted)
  const said = Object.fromEntries(names.flatMap(name => (wanted[name] === null ? [] : [[name, wanted[name]]])))
  await recordEvent(trx, { type: 'retention.changed', tenantId, facts: { ...actorFacts(actor), ...said } }, nowMs)
  return monthsOf(await findRetention(trx, tenantId))
}

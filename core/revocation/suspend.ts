import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import { holdTenant } from '#core/registry/tenants.ts'
import type { Trx } from '#db/connect.ts'
import { findSuspended, type SuspendedTable, setSuspended } from '#db/registry/suspensions.ts'

export interface Suspension {
  readonly actor: Principal
  /** uuid */
  readonly tenantId: string
  readonly nowMs: number
}

/** What can be suspended: where it stands, how its wire ids begin, how its events do. */
export const suspendable = {
  agent: { table: 'mayfly.agent', idKind: 'agent' },
  trust_source: { table: 'mayfly.trust_source', idKind: 'trustSource' },
} as const satisfies Record<string, { readonly table: SuspendedTable; readonly idKind: 'agent' | 'trustSource' }>

export type Suspendable = keyof typeof suspendable

/**
 * From the commit on it gets no new tokens, or gets them again; what it has lives on until it ends or is revoked. Nothing changes and
 * nothing is logged where it is so already. id: uuid. Throws `not_found`.
 */
export async function changeSuspension(
  trx: Trx,
  { actor, tenantId, nowMs }: Suspension,
  { kind, id, suspended }: { readonly kind: Suspendable; readonly id: string; readonly suspended: boolean },
): Promise<void> {
  const { table, idKind } = suspendable[kind]
  await holdTenant(trx, tenantId)
  const since = await findSuspended(trx, table, id)
  if (since === undefined) throw new BrokerError('not_found')
  if ((since !== null) === suspended) return
  await setSuspended(trx, table, id, suspended)
  const named = kind === 'agent' ? {} : { [kind]: formatId(idKind, id) }
  await recordEvent(
    trx,
    {
      type: `${kind}.${suspended ? 'suspended' : 'reinstated'}`,
      tenantId,
      ...(kind === 'agent' && { agentId: id }),
      facts: { ...actorFacts(actor), ...named },
    },
    nowMs,
  )
}

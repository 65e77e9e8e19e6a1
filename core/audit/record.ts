import type { Trx } from '#db/connect.ts'
import { appendPending } from '#db/log/append-pending.ts'
import { readConfigEpoch } from '#db/registry/tenants.ts'
import { makesPolicy } from './catalogue/catalogue.ts'
import { type AuditEvent, type AuditEventType, prepareEvent } from './event.ts'

/**
 * Writes the event in the transaction that makes the change: both are committed, or neither. Call it behind the change: an event that
 * makes configuration tells which one, so that who asks years later what was in force finds it. nowMs: the database's clock.
 */
export async function recordEvent<T extends AuditEventType>(trx: Trx, event: AuditEvent<T>, nowMs: number): Promise<void> {
  const { leaf, body } = prepareEvent(await withConfigEpoch(trx, event), nowMs)
  await appendPending(trx, [{ tenantId: event.tenantId, leaf, body }])
}

async function withConfigEpoch<T extends AuditEventType>(trx: Trx, event: AuditEvent<T>): Promise<AuditEvent<T>> {
  if (!makesPolicy(event.type) || event.tenantId === null) return event
  const epoch = await readConfigEpoch(trx, event.tenantId)
  return epoch === undefined ? event : { ...event, facts: { ...event.facts, config_epoch: epoch } }
}

import type { Trx } from '#db/connect.ts'
import { appendPending } from '#db/log/append-pending.ts'
import { type AuditEvent, type AuditEventType, prepareEvent } from './event.ts'

/** Writes the event in the transaction that makes the change: both are committed, or neither. nowMs: the database's clock. */
export async function recordEvent<T extends AuditEventType>(trx: Trx, event: AuditEvent<T>, nowMs: number): Promise<void> {
  const { leaf, body } = prepareEvent(event, nowMs)
  await appendPending(trx, [{ tenantId: event.tenantId, leaf, body }])
}

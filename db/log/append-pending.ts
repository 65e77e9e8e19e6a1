import { sql } from 'kysely'
import type { Trx } from '../connect.ts'

/** leaf, body: one line each (`core/audit/event.ts`). */
export interface PendingEvent {
  readonly tenantId: string | null
  readonly leaf: string
  readonly body: string
}

/**
 * Puts events into the log with the transaction's own commit: the database moves them into the sequence after all other
 * work of the transaction, so the log's head is never held across a client round trip.
 */
export async function appendPending(trx: Trx, events: readonly PendingEvent[]): Promise<void> {
  for (const event of events)
    await sql`insert into log.pending (tenant_id, leaf, body) values (${event.tenantId}::uuid, ${event.leaf}, ${event.body})`.execute(
      trx,
    )
}

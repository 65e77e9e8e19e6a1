import type { WhoFacts } from '#core/audit/catalogue/fields.ts'
import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { Trx } from '#db/connect.ts'
import { type AttachmentRow, changeAttachment, lockAttachmentsOf } from '#db/connector/attachments.ts'
import { eventOf } from './event.ts'
import { endAttachment } from './follow-account.ts'

export interface AttachmentName {
  readonly tenantId: string
  readonly accountId: string
  readonly id: string
}

/** Ends an attachment before its account does; the worker takes it down. Over already: that is what was wanted. Throws `not_found`. */
export async function detach(trx: Trx, name: AttachmentName, facts: WhoFacts, nowMs: number): Promise<void> {
  const row = await lock(trx, name)
  if (await endAttachment(trx, row, 'detached')) await recordEvent(trx, eventOf('attachment.detached', row, facts), nowMs)
}

/** Has what is parked tried again now. Throws `not_found`, and `conflict` for what is not parked. */
export async function retryAttachment(trx: Trx, name: AttachmentName, facts: WhoFacts, nowMs: number): Promise<void> {
  const row = await lock(trx, name)
  if (!row.parked) throw new BrokerError('conflict', { hint: 'It is not parked.' })
  await changeAttachment(trx, row.id, { state: row.state, parked: false, attempts: 0, dueSeconds: 0 })
  await recordEvent(trx, eventOf('attachment.retried', row, facts), nowMs)
}

async function lock(trx: Trx, { tenantId, accountId, id }: AttachmentName): Promise<AttachmentRow> {
  const row = (await lockAttachmentsOf(trx, tenantId, accountId)).find(one => one.id === id)
  if (!row) throw new BrokerError('not_found')
  return row
}

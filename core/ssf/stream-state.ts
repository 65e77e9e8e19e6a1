// Whether a stream sends (SSF 1.0 § 8.1.2), and the two events about the stream itself. Paused, it sends nothing and loses nothing;
// disabled, it sends nothing, and what happens meanwhile is never sent.

import type { Facts } from '#core/audit/event.ts'
import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import type { Trx } from '#db/connect.ts'
import { announceStream, beginVerification, replaceNotice } from '#db/ssf/events.ts'
import { lockStream, type StreamStatus, updateStreamStatus } from '#db/ssf/streams.ts'
import type { Caller } from './authenticate-receiver.ts'
import { streamUpdated, verification } from './event-types.ts'

export const minVerificationSeconds = 30

export interface StatusInput {
  readonly status: StreamStatus
  readonly reason: string | null
}

/** by: its receiver, or an operator of the tenant, of whose doing the receiver is told. Throws `not_found`. */
export async function setStreamStatus(
  trx: Trx,
  which: { readonly id: string; readonly tenantId: string },
  { status, reason }: StatusInput,
  by: { readonly receiver: Caller } | { readonly operator: Facts },
  nowMs: number,
): Promise<void> {
  const { id, tenantId } = which
  const row = await lockStream(trx, id, 'receiver' in by ? by.receiver.id : undefined)
  if (!row) throw new BrokerError('not_found')
  if (row.status === status && row.status_reason === reason) return
  await updateStreamStatus(trx, id, { status, reason, skip: row.status === 'disabled' && status !== 'disabled' })
  await announceStream(trx, tenantId)
  if ('operator' in by && row.status !== status) {
    const said = { status, ...(reason !== null && { reason }) }
    await replaceNotice(trx, which, { id: newUuid(nowMs), type: 'stream-updated', claims: aboutStream(id, streamUpdated, said) })
  }
  const who = 'receiver' in by ? { receiver: formatId('receiver', by.receiver.id) } : by.operator
  const facts = { ...who, stream: formatId('stream', id), from: row.status, to: status }
  await recordEvent(trx, { type: 'stream.status_changed', tenantId, facts }, nowMs)
}

/** Has a verification event sent; one that waits still is replaced. Throws `not_found`, `too_many_requests`. */
export async function verifyStream(
  trx: Trx,
  caller: Caller,
  id: string,
  state: string | undefined,
  nowMs: number,
): Promise<void> {
  const row = await lockStream(trx, id, caller.id)
  if (!row) throw new BrokerError('not_found')
  if (!(await beginVerification(trx, id, minVerificationSeconds)))
    throw new BrokerError('too_many_requests', {
      hint: `A stream is verified every ${minVerificationSeconds} seconds at most.`,
      retryAfterSeconds: minVerificationSeconds,
    })
  const claims = aboutStream(id, verification, state === undefined ? {} : { state })
  await replaceNotice(trx, { id, tenantId: caller.tenantId }, { id: newUuid(nowMs), type: 'verification', claims })
}

const aboutStream = (id: string, type: string, event: Readonly<Record<string, unknown>>) => ({
  sub_id: { format: 'opaque', id: formatId('stream', id) },
  events: { [type]: event },
})

import type { FactsOf } from '#core/audit/catalogue/catalogue.ts'
import { prepareEvent } from '#core/audit/event.ts'
import { formatId } from '#core/ids/id.ts'
import type { Trx } from '#db/connect.ts'
import type { AttachmentRow } from '#db/connector/attachments.ts'
import { appendPending } from '#db/log/append-pending.ts'
import { queueMessages } from '#db/webhook/messages.ts'
import type { eventOf } from './event.ts'

/** Writes the event with the transaction and returns the hash of its leaf: the receipt of what was done. */
export async function recordReceipt(trx: Trx, event: ReturnType<typeof eventOf>, nowMs: number): Promise<string> {
  const { leaf, leafHash, body } = prepareEvent(event, nowMs)
  await appendPending(trx, [{ tenantId: event.tenantId, leaf, body }])
  return leafHash
}

/** Transitions that end an account, as `ended_by` has them. */
export const endings: ReadonlySet<string> = new Set(['complete', 'expire', 'revoke', 'close'])

/**
 * Writes the account's own receipt once all that it had is gone or kept. all: its attachments, locked, as they are now, so that of
 * two that are settled at once the later one sees the other.
 */
export async function recordAccountReceipt(trx: Trx, all: readonly AttachmentRow[], nowMs: number): Promise<void> {
  const [first] = all
  const isSettled = all.every(({ state }) => state === 'gone' || state === 'kept')
  if (!first || !isSettled || !all.some(({ ended_by }) => ended_by !== null && endings.has(ended_by))) return
  const attachments: FactsOf<'account.torn_down'>['attachments'] = all.map(row => ({
    attachment: formatId('attachment', row.id),
    outcome: row.state === 'kept' ? 'kept' : 'destroyed',
    ...(row.receipt !== null && { receipt: row.receipt }),
    ...(row.destroyed !== null && { destroyed: row.destroyed }),
  }))
  const { tenant_id: tenantId, account_id: accountId, agent_id: agentId } = first
  const event = prepareEvent({ type: 'account.torn_down', tenantId, accountId, agentId, facts: { attachments } }, nowMs)
  await appendPending(trx, [{ tenantId, leaf: event.leaf, body: event.body }])
  const data = {
    tenant: formatId('tenant', tenantId),
    account: formatId('account', accountId),
    receipt: event.leafHash,
    attachments,
  }
  const body = JSON.stringify({ type: 'account.torn_down', timestamp: new Date(nowMs).toISOString(), data })
  await queueMessages(trx, { tenantId, event: `${accountId} torn_down`, type: 'account.torn_down', body })
}

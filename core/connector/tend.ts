// What the worker does with an attachment that was lent to it: lock it, keep it for a while, take it down. Each step is done again
// until it succeeds; what goes on failing is parked: an alarm, one try an hour, and the account stays until somebody has helped.

import type { Facts } from '#core/audit/event.ts'
import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { Trx } from '#db/connect.ts'
import { type AttachmentRow, changeAttachment, lockAttachmentsOf, readDeadline } from '#db/connector/attachments.ts'
import { readConnector, type SealedConnector } from '#db/connector/connectors.ts'
import type { LeasedAttachment } from '#db/connector/lease.ts'
import type { AttachDeps } from './attach.ts'
import { ConnectorFailure, type ConnectorKind, type Destroyed } from './connector.ts'
import { eventOf } from './event.ts'
import { recordAccountReceipt, recordReceipt } from './receipt.ts'
import { configOf } from './registration.ts'
import { targetOf } from './target.ts'

export interface TendDeps extends Omit<AttachDeps, 'ceilings'> {
  /** When a step that failed so often is tried again, and whether somebody must look at it. */
  readonly postpone: (attempts: number) => { readonly seconds: number; readonly parked: boolean }
}

/** How long a worker has one for itself, and how long its step may take: deleting much takes long. */
export const teardownLeaseSeconds = 120
const stepSeconds = 90

export type TendOutcome = 'locked' | 'kept' | 'gone' | 'lost' | 'postponed' | 'parked'

/** Does what is due. `lost`: another one took it over. Rejects only where the database cannot be asked; its lease then ends by itself. */
export async function tendAttachment(
  deps: TendDeps,
  leased: LeasedAttachment,
  complain: (error: unknown) => void,
): Promise<TendOutcome> {
  await deps.failpoint?.('teardown-begun')
  const connector = await readConnector(deps.dbOf(leased.tenantId), leased.connectorId, leased.tenantId)
  if (!connector) throw new BrokerError('internal', { detail: `connector ${leased.connectorId} is missing` })
  // What was made half is nobody's data.
  const keepSeconds = leased.endedBy === 'abandoned' ? 0 : configOf(connector).data.keep_seconds
  try {
    if (leased.state === 'locking') return await lock(deps, leased, connector, 0)
    if (leased.state === 'ending' && keepSeconds > 0) return await lock(deps, leased, connector, keepSeconds)
    return await destroy(deps, leased, connector)
  } catch (error) {
    complain(error)
    return postpone(deps, leased, error)
  }
}

/** keepSeconds: how long what is in it stays; 0: the account goes on. */
async function lock(
  deps: TendDeps,
  leased: LeasedAttachment,
  connector: SealedConnector,
  keepSeconds: number,
): Promise<TendOutcome> {
  const state = keepSeconds > 0 ? 'kept' : 'locked'
  await deps.connectors[connector.kind as ConnectorKind].lock(await stepOf(deps, leased, connector))
  await deps.failpoint?.('teardown-done')
  return settle(deps, leased, async (trx, row, nowMs) => {
    const facts: Facts = { why: leased.endedBy ?? 'account_changed', ...(state === 'kept' && { kept_seconds: keepSeconds }) }
    const receipt = await recordReceipt(trx, eventOf('attachment.locked', row, facts), nowMs)
    const due = state === 'kept' && { dueSeconds: keepSeconds, ended: true }
    await changeAttachment(trx, row.id, { state, attempts: 0, parked: false, failure: null, receipt, ...due })
    return state
  })
}

async function destroy(deps: TendDeps, leased: LeasedAttachment, connector: SealedConnector): Promise<TendOutcome> {
  const destroyed = await deps.connectors[connector.kind as ConnectorKind].destroy(await stepOf(deps, leased, connector))
  await deps.failpoint?.('teardown-done')
  return settle(deps, leased, async (trx, row, nowMs) => {
    const type = row.ended_by === 'abandoned' ? 'attachment.abandoned' : 'attachment.torn_down'
    const facts = { why: row.ended_by, destroyed, remained: [] as Destroyed[], attempts: leased.attempts }
    const receipt = await recordReceipt(trx, eventOf(type, row, facts), nowMs)
    const change = { attempts: 0, parked: false, failure: null, receipt, destroyed }
    await changeAttachment(trx, row.id, { state: 'gone', ...change, ended: row.ended_at === null })
    return 'gone'
  })
}

async function stepOf(deps: TendDeps, leased: LeasedAttachment, connector: SealedConnector) {
  const { id, accountId, tenantId, agentId, rotation } = leased
  const row = { id, account_id: accountId, tenant_id: tenantId, agent_id: agentId, rotation }
  const deadlineSeconds = (await readDeadline(deps.dbOf(tenantId), accountId)) ?? 0
  const signal = AbortSignal.timeout(stepSeconds * 1000)
  const untilMs = deps.clock.nowMs() + stepSeconds * 1000
  return { ...(await targetOf(deps.keyEncryption, row, connector)), deadlineSeconds, signal, untilMs }
}

/** Works on the row if it still is what was lent, locked. */
async function whileLent(
  deps: TendDeps,
  { id, tenantId, accountId, state, rotation }: LeasedAttachment,
  work: (trx: Trx, row: AttachmentRow) => Promise<TendOutcome>,
): Promise<TendOutcome> {
  return deps
    .dbOf(tenantId)
    .transaction()
    .execute(async trx => {
      const row = (await lockAttachmentsOf(trx, tenantId, accountId)).find(row => row.id === id)
      return row?.state === state && row.rotation === rotation ? work(trx, row) : 'lost'
    })
}

/** Writes the outcome, and the account's receipt where this was the last one. */
async function settle(
  deps: TendDeps,
  leased: LeasedAttachment,
  write: (trx: Trx, row: AttachmentRow, nowMs: number) => Promise<TendOutcome>,
): Promise<TendOutcome> {
  return whileLent(deps, leased, async (trx, row) => {
    const nowMs = deps.clock.nowMs()
    const outcome = await write(trx, row, nowMs)
    if (leased.state === 'ending')
      await recordAccountReceipt(trx, await lockAttachmentsOf(trx, leased.tenantId, leased.accountId), nowMs)
    return outcome
  })
}

async function postpone(deps: TendDeps, leased: LeasedAttachment, error: unknown): Promise<TendOutcome> {
  const failure = error instanceof ConnectorFailure ? error.reason : 'failed'
  const { seconds, parked } = deps.postpone(leased.attempts)
  return whileLent(deps, leased, async (trx, row) => {
    await changeAttachment(trx, row.id, { state: row.state, dueSeconds: seconds, parked, failure })
    if (parked && !row.parked) {
      const facts = { why: row.ended_by, failed: failure, attempts: leased.attempts }
      await recordEvent(trx, eventOf('attachment.parked', row, facts), deps.clock.nowMs())
    }
    return parked ? 'parked' : 'postponed'
  })
}

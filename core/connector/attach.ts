// Attaching something outside to an account, and giving its holder access again. Three steps:
//
//   1  write down that it is being made, with a lease; the commit that ends an account comes before that, and is seen, or
//      behind it, and sees the row
//   2  make it, outside, within the lease
//   3  if the row is still ours and the account still lives: it is active, and only now is the access given out
//
// Whoever dies in between leaves a row whose lease ends; the worker then takes down what may have been made, or locks it
// (`tend.ts`). The access goes to the caller and nowhere else, so a lost answer is asked for again, which gives new access and
// ends the old.

import type { Ceilings } from '#core/account/ceilings.ts'
import type { WhoFacts } from '#core/audit/catalogue/fields.ts'
import type { Facts } from '#core/audit/event.ts'
import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { newUuid } from '#core/ids/id.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import type { Clock } from '#core/time/clock.ts'
import type { Db, Trx } from '#db/connect.ts'
import {
  type AttachmentRow,
  changeAttachment,
  countAttachments,
  type HeldAccount,
  holdLiveAccount,
  insertAttachment,
  lockAttachment,
  lockAttachmentBy,
} from '#db/connector/attachments.ts'
import { holdConnector, type SealedConnector } from '#db/connector/connectors.ts'
import { findAnonymousAgent } from '#db/quota/anonymous.ts'
import { type Access, ConnectorFailure, type ConnectorKind, type Connectors } from './connector.ts'
import { eventOf } from './event.ts'
import type { ConnectorFailpoint } from './failpoint.ts'
import { configOf } from './registration.ts'
import { targetOf } from './target.ts'

export interface AttachDeps {
  readonly dbOf: (tenantId: string) => Db
  readonly connectors: Connectors
  readonly keyEncryption: KeyEncryption
  readonly ceilings: Pick<Ceilings, 'get'>
  readonly clock: Clock
  readonly failpoint?: ConnectorFailpoint | undefined
}

export interface AttachRequest {
  readonly tenantId: string
  readonly accountId: string
  /** That its caller's token was for; undefined: whatever it has now. */
  readonly generation: number | undefined
  readonly connectorId: string
  /** Who asks, for the log: random ids and words of ours. */
  readonly facts: WhoFacts & { readonly sealed?: boolean }
}

export interface Attached {
  readonly row: AttachmentRow
  readonly access: Access
}

/** How long a step outside may take; its lease is longer by what a process may stand still unnoticed. */
const stepSeconds = 10
const leaseSeconds = 40
const mostPerAccount = 16
/** Whoever takes down and attaches in a loop would else fill tables, and what keeps data for a while. */
const mostEver = 256

interface Begun {
  readonly row: AttachmentRow
  readonly connector: SealedConnector
  readonly account: HeldAccount
  readonly isNew: boolean
}

/**
 * Makes it, or gives new access to what is there. Throws `account_not_live`, `not_found` (the connector), `forbidden` (not in the
 * account's ceiling), `attachment_busy` (409, under way or being taken down), `connector_failed`.
 */
export async function attach(deps: AttachDeps, request: AttachRequest): Promise<Attached> {
  // Looked at before the lease begins.
  const untilMs = deps.clock.nowMs() + stepSeconds * 1000
  const begun = await begin(deps, request)
  await deps.failpoint?.('attachment-begun')
  const { row, isNew } = begun
  const connector = deps.connectors[begun.connector.kind as ConnectorKind]
  const signal = AbortSignal.timeout(stepSeconds * 1000)
  const { deadlineSeconds: endsAt } = begun.account
  const target = { ...(await targetOf(deps.keyEncryption, row, begun.connector)), deadlineSeconds: endsAt, signal, untilMs }
  let access: Access
  try {
    access = await (isNew ? connector.provision(target) : connector.rotate(target))
  } catch (error) {
    await giveUp(deps, request, begun, error)
    throw failed(error)
  }
  await deps.failpoint?.('attachment-made')
  const { deadlineSeconds } = await finish(deps, request, begun)
  await deps.failpoint?.('attachment-committed')
  // Moved meanwhile, perhaps before our row could be seen. Where this fails the access ends earlier than the account.
  if (deadlineSeconds !== target.deadlineSeconds) await connector.extend({ ...target, deadlineSeconds }).catch(() => {})
  return { row: { ...row, state: 'active' }, access }
}

async function begin(deps: AttachDeps, request: AttachRequest): Promise<Begun> {
  return deps
    .dbOf(request.tenantId)
    .transaction()
    .execute(async trx => {
      const account = await holdLiveAccount(trx, request.tenantId, request.accountId, request.generation)
      if (!account) throw new BrokerError('account_not_live')
      // Whoever nobody registered gets nothing outside, whatever is in its ceiling.
      if ((await findAnonymousAgent(trx, request.tenantId)) === account.agentId)
        throw new BrokerError('forbidden', { hint: 'Nothing is attached to accounts of strangers.' })
      const connector = await holdConnector(trx, request.connectorId, request.tenantId)
      if (!connector) throw new BrokerError('not_found', { hint: 'There is no such connector.' })
      const { scope } = configOf(connector)
      if (!(await deps.ceilings.get(account.ceilingId)).scopes.includes(scope))
        throw new BrokerError('forbidden', {
          hint: `The account may never be granted the scope ${scope}, which this connector asks for.`,
        })
      const before = await lockAttachmentBy(trx, request.accountId, connector.id)
      if (!before) return { row: await insertNew(trx, request, account, deps.clock.nowMs()), connector, account, isNew: true }
      const row = await renewLease(trx, before, account, deps.clock.nowMs())
      return { row, connector, account, isNew: before.state === 'making' }
    })
}

async function insertNew(trx: Trx, request: AttachRequest, account: HeldAccount, nowMs: number): Promise<AttachmentRow> {
  const { there, ever } = await countAttachments(trx, request.accountId)
  if (there >= mostPerAccount)
    throw new BrokerError('conflict', {
      hint: `An account has ${mostPerAccount} attachments at most, those that are kept included.`,
    })
  if (ever >= mostEver)
    throw new BrokerError('conflict', { hint: `An account makes ${mostEver} attachments at most, those that are gone included.` })
  const { tenantId, accountId, connectorId } = request
  const ids = { id: newUuid(nowMs), tenant_id: tenantId, account_id: accountId, connector_id: connectorId }
  return insertAttachment(trx, { ...ids, agent_id: account.agentId, generation: account.generation }, leaseSeconds)
}

/** Each attempt counts as a credential of its own, so that of two which overlap the later one alone is good. */
async function renewLease(trx: Trx, before: AttachmentRow, account: HeldAccount, nowMs: number): Promise<AttachmentRow> {
  const isLapsed = before.due_at.getTime() <= nowMs
  const isOurs =
    before.state === 'active' || before.state === 'locked' || (before.state === 'making' && isLapsed && before.ended_by === null)
  if (!isOurs)
    throw new BrokerError('attachment_busy', {
      retryAfterSeconds: 2,
      hint: before.state === 'ending' ? 'It is being taken down.' : 'Somebody is at work on it.',
    })
  const state = before.state === 'making' ? 'making' : 'renewing'
  const change = { rotation: before.rotation + 1, generation: account.generation, failure: null }
  await changeAttachment(trx, before.id, { ...change, state, dueSeconds: leaseSeconds })
  return { ...before, ...change, state }
}

/** Gives out access only if nothing has changed meanwhile. Throws `account_not_live`, `attachment_busy`. */
async function finish(deps: AttachDeps, request: AttachRequest, { row, account, isNew }: Begun): Promise<HeldAccount> {
  const outcome = await deps
    .dbOf(request.tenantId)
    .transaction()
    .execute(async trx => {
      const live = await holdLiveAccount(trx, row.tenant_id, row.account_id, row.generation)
      const now = await lockAttachment(trx, row.id)
      // Another one took over, because our lease had ended. What we made meanwhile may stand outside all the same.
      if (now?.state !== row.state || now.rotation !== row.rotation) {
        if (now && (now.state === 'gone' || now.state === 'kept')) await takeDownAgain(trx, now)
        return 'attachment_busy'
      }
      if (!live || now.ended_by !== null) {
        await changeAttachment(trx, row.id, { ...afterFailure(now, isNew), dueSeconds: 0 })
        return live ? 'attachment_busy' : 'account_not_live'
      }
      await changeAttachment(trx, row.id, { state: 'active', attempts: 0, parked: false, failure: null })
      const type = isNew ? 'attachment.created' : 'attachment.rotated'
      await recordEvent(trx, eventOf(type, row, { ...request.facts, ...extent(account) }), deps.clock.nowMs())
      return live
    })
  if (typeof outcome === 'string') throw new BrokerError(outcome, { retryAfterSeconds: 2 })
  return outcome
}

const extent = ({ deadlineSeconds }: HeldAccount): Facts =>
  Number.isFinite(deadlineSeconds) ? { deadline: deadlineSeconds } : {}

const takeDownAgain = (trx: Trx, { id, ended_by }: AttachmentRow): Promise<void> =>
  changeAttachment(trx, id, { state: 'ending', dueSeconds: 0, attempts: 0, ended_by: ended_by ?? 'abandoned' })

/** Whoever ends the account, or the attachment, marks a row that is under a lease: then nothing of it may stay. */
const afterFailure = ({ ended_by }: AttachmentRow, isNew: boolean) =>
  isNew || ended_by !== null ? ({ state: 'ending', ended_by: ended_by ?? 'abandoned' } as const) : ({ state: 'locking' } as const)

/** What may have been made is taken down by the worker; what may have lost its access is locked by it. */
async function giveUp(deps: AttachDeps, { tenantId }: AttachRequest, { row, isNew }: Begun, error: unknown): Promise<void> {
  const failure = error instanceof ConnectorFailure ? error.reason : 'failed'
  await deps
    .dbOf(tenantId)
    .transaction()
    .execute(async trx => {
      const now = await lockAttachment(trx, row.id)
      if (now?.state !== row.state || now.rotation !== row.rotation) return
      await changeAttachment(trx, row.id, {
        ...afterFailure(now, isNew),
        failure,
        dueSeconds: 0,
      })
    })
    // Its lease ends by itself, with the same outcome.
    .catch(() => {})
}

/** detail: for our logs. Nothing that came from outside reaches the caller, but the kind of failure. */
function failed(cause: unknown): BrokerError {
  if (!(cause instanceof ConnectorFailure)) return new BrokerError('connector_failed', { cause, detail: 'connector threw' })
  return new BrokerError('connector_failed', {
    cause,
    hint: `Reason: ${cause.reason}.`,
    detail: cause.message,
    retryAfterSeconds: 5,
  })
}

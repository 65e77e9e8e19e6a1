// What becomes of a waiting change, each in one transaction: done by the code that would have done it at once, as the one who
// proposed it, with the second person named in the same audit event; the approval is an event of its own.

import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import { asProposer, holdWaitingChange, isProposer, requireSecondPerson } from '#core/operators/two-person/changes.ts'
import type { Trx } from '#db/connect.ts'
import { type Change, decideChange, findChange, markApplied } from '#db/operators/changes.ts'
import { hasChanged } from './change-view.ts'
import { type Call, type Operations, withoutStamps } from './operation.ts'

export interface DecisionContext {
  readonly operations: Operations
  readonly actor: Principal
  readonly nowMs: number
  /** What the operation's `prepare` gave. */
  readonly prepared: unknown
}

/** The change as it is then. Throws `second_person_needed`, `conflict` when it does not wait or no longer fits, and what doing it throws. */
export async function approveChange(trx: Trx, context: DecisionContext, found: Change): Promise<Change> {
  const change = await holdWaitingChange(trx, found.id, found.tenant_id)
  requireSecondPerson(change, context.actor)
  await record(trx, context, 'change.approved', change)
  return letPass(trx, context, change, undefined)
}

/** The same by one person alone, whoever it is, for a reason; an event of its own says so. */
export async function breakGlass(trx: Trx, context: DecisionContext, found: Change, reason: string): Promise<Change> {
  const change = await holdWaitingChange(trx, found.id, found.tenant_id)
  await record(trx, context, 'change.break_glass', change)
  return letPass(trx, context, change, reason)
}

async function letPass(trx: Trx, context: DecisionContext, change: Change, reason: string | undefined): Promise<Change> {
  const { operations, actor } = context
  const operation = operations.get(change.operation)
  const call = callOf(change, asProposer(change, { credentialId: actor.credentialId, personId: actor.person?.id }), context.nowMs)
  if (hasChanged(change, withoutStamps(await operation.present?.(trx, call))))
    throw new BrokerError('conflict', { hint: 'What this change is about has changed since it was proposed. Propose it again.' })
  await decideChange(trx, change.id, {
    status: operation.secret ? 'approved' : 'applied',
    deciderId: actor.credentialId,
    deciderPersonId: actor.person?.id ?? null,
    ...(reason !== undefined && { breakGlassReason: reason }),
  })
  // A secret would be told to the wrong person: the one who asked comes for it.
  if (!operation.secret) await markApplied(trx, change.id, await operation.work(trx, call, context.prepared))
  return (await findChange(trx, change.id, change.tenant_id))!
}

/** Does what was approved, for the one who proposed it, and returns the answer that it would have got at once. */
export async function collectChange(trx: Trx, context: DecisionContext, found: Change): Promise<object> {
  const change = await holdWaitingChange(trx, found.id, found.tenant_id, 'approved')
  if (!isProposer(change, context.actor))
    throw new BrokerError('forbidden', { hint: 'Only the one who proposed it collects it.' })
  const by = { credentialId: change.decider_id!, personId: change.decider_person_id ?? undefined }
  const outcome = await context.operations
    .get(change.operation)
    .work(trx, callOf(change, asProposer(change, by), context.nowMs), context.prepared)
  await markApplied(trx, change.id, undefined)
  return outcome ?? {}
}

/** The call as it was made, by whom it is made now. */
export const callOf = (change: Change, actor: Principal, nowMs: number): Call => ({
  actor,
  params: change.params as Call['params'],
  body: change.body,
  nowMs,
})

function record(
  trx: Trx,
  { actor, nowMs }: DecisionContext,
  type: 'change.approved' | 'change.break_glass',
  change: Change,
): Promise<void> {
  const proposer = change.proposer_person_id
  const facts = {
    ...actorFacts(actor),
    change: formatId('change', change.id),
    proposed_by: formatId('credential', change.proposer_id),
    ...(proposer !== null && { proposed_by_person: formatId('person', proposer) }),
  }
  return recordEvent(trx, { type, tenantId: change.tenant_id, facts }, nowMs)
}

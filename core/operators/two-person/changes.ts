// A change that needs two people waits as a row: exactly what was asked, and how things stood when it was. Then one of these:
//
//   waiting → applied     another person approved, and it was done in the same transaction, if things still stand so
//   waiting → approved    the same, where doing it makes a secret; that is for the one who asked, who collects it
//           → applied
//   waiting → rejected    another person refused
//   waiting → withdrawn   the one who asked took it back, or its credential was ended
//
// What nobody decides within seven days has ended, by the database's clock at the moment of the look.

import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import type { Trx } from '#db/connect.ts'
import { type Change, decideChange, findChange, insertChange, lockChange } from '#db/operators/changes.ts'
import { lockTwoPerson } from '#db/operators/two-person.ts'
import { actorFacts, isSamePerson, type Person, type Principal, type Role } from '../principal.ts'
import { type GuardedBy, needsTwoPeople } from './change-class.ts'

export interface ProposedChange {
  readonly actor: Principal
  /** uuid */
  readonly tenantId: string
  readonly guardedBy: GuardedBy
  /** `PUT /v1/agents/:id` */
  readonly operation: string
  readonly params: Readonly<Record<string, string>>
  readonly body: unknown
  /** What it is about as shown, now and then; undefined: nothing there. */
  readonly before: unknown
  readonly after: unknown
}

/** Whether such a change waits in this tenant. Holds the tenant until the transaction ends. Throws `not_found`. */
export async function waitsForSecondPerson(trx: Trx, tenantId: string, guardedBy: GuardedBy): Promise<boolean> {
  const classes = await lockTwoPerson(trx, tenantId)
  if (!classes) throw new BrokerError('not_found', { hint: 'There is no such tenant.' })
  return needsTwoPeople(classes, guardedBy)
}

/** Returns the waiting change's uuid. */
export async function proposeChange(trx: Trx, change: ProposedChange, nowMs: number): Promise<string> {
  const { actor, tenantId } = change
  const id = newUuid(nowMs)
  await insertChange(trx, {
    id,
    tenant_id: tenantId,
    class: change.guardedBy,
    operation: change.operation,
    params: change.params,
    body: change.body ?? null,
    before: change.before ?? null,
    after: change.after ?? null,
    proposer_id: actor.credentialId,
    proposer_role: actor.role,
    proposer_tenant_id: actor.tenantId,
    proposer_person_id: actor.person?.id ?? null,
  })
  const facts = { ...actorFacts(actor), change: formatId('change', id), class: change.guardedBy, operation: change.operation }
  await recordEvent(trx, { type: 'change.proposed', tenantId, facts }, nowMs)
  return id
}

/** The change, held for a decision with its tenant. Throws `not_found`, and `conflict` for one that does not wait any more. */
export async function holdWaitingChange(
  trx: Trx,
  id: string,
  tenantId: string,
  status: 'waiting' | 'approved' = 'waiting',
): Promise<Change> {
  // The tenant first, as everywhere: two transactions that take both in turn never wait for each other.
  await lockTwoPerson(trx, tenantId)
  await lockChange(trx, id)
  const change = await findChange(trx, id, tenantId)
  if (!change) throw new BrokerError('not_found')
  if (change.status !== status) throw new BrokerError('conflict', { hint: `This change is ${change.status} already.` })
  return change
}

/**
 * Refuses whoever is not another person of this tenant than the one who proposed. A token counts as the person that made it;
 * one that nobody made who had signed in may propose and approves nothing. Throws `second_person_needed`.
 */
export function requireSecondPerson(change: Change, actor: Principal): void {
  const refuse = (hint: string) => new BrokerError('second_person_needed', { hint })
  if (actor.person === undefined) throw refuse('This token was made by nobody who had signed in. Sign in to decide.')
  if (actor.person.tenantId !== change.tenant_id) throw refuse("Only people of the tenant's own sign-in providers decide.")
  const proposer = proposerOf(change)
  if (actor.credentialId === change.proposer_id || (proposer && isSamePerson(proposer, actor.person)))
    throw refuse('You proposed this change yourself.')
}

/** Whether the change is the caller's own: by the same credential or the same person. */
export function isProposer(change: Change, actor: Principal): boolean {
  const proposer = proposerOf(change)
  return change.proposer_id === actor.credentialId || (!!proposer && !!actor.person && isSamePerson(proposer, actor.person))
}

/** The one who proposed, as it acts when its change is done. by: who let it pass. */
export function asProposer(
  change: Change,
  by?: { readonly credentialId: string; readonly personId: string | undefined },
): Principal {
  return {
    credentialId: change.proposer_id,
    role: change.proposer_role as Role,
    tenantId: change.proposer_tenant_id,
    resourceId: undefined,
    person: proposerOf(change),
    ...(by && { approval: { changeId: change.id, ...by } }),
  }
}

/** The one who proposed it takes it back, anybody else who may decide refuses it. */
export async function rejectChange(trx: Trx, change: Change, actor: Principal, nowMs: number): Promise<void> {
  const isOwn = isProposer(change, actor)
  if (!isOwn) requireSecondPerson(change, actor)
  const status = isOwn ? 'withdrawn' : 'rejected'
  await decideChange(trx, change.id, { status, deciderId: actor.credentialId, deciderPersonId: actor.person?.id ?? null })
  const facts = { ...actorFacts(actor), change: formatId('change', change.id), withdrawn: isOwn }
  await recordEvent(trx, { type: 'change.rejected', tenantId: change.tenant_id, facts }, nowMs)
}

function proposerOf(change: Change): Person | undefined {
  if (change.proposer_person_id === null) return undefined
  return {
    id: change.proposer_person_id,
    tenantId: change.proposer_person_tenant_id,
    issuer: change.proposer_issuer!,
    subject: change.proposer_subject!,
    name: change.proposer_name ?? undefined,
  }
}

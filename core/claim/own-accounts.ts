// What an owner sees of the accounts that it claimed, and does with them. Whoever is not the owner is told that there is none.

import { changeAccounts } from '#core/account/change-accounts.ts'
import type { Transition } from '#core/account/transitions.ts'
import { prepareEvent } from '#core/audit/event.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { refuseProblems } from '#core/errors/validation-error.ts'
import { type ConsoleSession, sessionFacts } from '#core/operators/sign-in/console-session.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { type ClaimedRow, readOwned, setReview } from '#db/claim/claims.ts'
import type { ClaimDeps } from './claim-deps.ts'
import { type AccountView, type DescribedPermission, describeForPeople, viewAccount, viewAgent } from './describe-account.ts'
import { type DescribedAttachment, describeAttachments } from './describe-attachments.ts'
import { canComeBack, readOrigin } from './read-origin.ts'
import { reviewDays } from './review.ts'
import type { Visitor } from './visitor.ts'

export interface OwnedListing extends AccountView {
  readonly agent: { readonly id: string; readonly name: string; readonly owner: string | null }
}

export interface OwnedAccount extends OwnedListing, DescribedPermission {
  readonly origin_address: string | null
  readonly attachments: readonly DescribedAttachment[]
  readonly readmission: { readonly offered: boolean }
}

const list = (row: ClaimedRow, snapshot: TenantSnapshot): OwnedListing => ({
  ...viewAccount(row),
  agent: viewAgent(snapshot, row.agentId),
})

/** Newest first, at most 200. */
export async function listOwned(deps: ClaimDeps, { snapshot, session }: Visitor): Promise<OwnedListing[]> {
  const { tenantId, person } = session
  const rows = await readOwned(deps.dbOf(tenantId), { tenantId, personId: person.id })
  return rows.map(row => list(row, snapshot))
}

/** accountId: uuid. Throws `not_found` for an account that is not this person's. */
export async function getOwned(deps: ClaimDeps, { snapshot, session }: Visitor, accountId: string): Promise<OwnedAccount> {
  const row = await getRow(deps, session, accountId)
  const db = deps.dbOf(row.tenantId)
  const [permission, origin, attachments] = await Promise.all([
    deps.ceilings.get(row.ceilingId),
    readOrigin(db, deps.keyEncryption, row.id),
    describeAttachments(db, row.tenantId, row.id),
  ])
  return {
    ...list(row, snapshot),
    ...describeForPeople(permission, snapshot),
    origin_address: origin.address,
    attachments,
    readmission: { offered: canComeBack(origin) && snapshot.agents.has(row.agentId) },
  }
}

async function getRow(deps: ClaimDeps, { tenantId, person }: ConsoleSession, accountId: string): Promise<ClaimedRow> {
  const [row] = await readOwned(deps.dbOf(tenantId), { tenantId, personId: person.id, accountId })
  if (!row) throw new BrokerError('not_found', { hint: 'This is no account of yours.' })
  return row
}

/** Ends a claimed account for good. Throws `not_found`, `conflict` when it has ended. */
export async function closeOwned(deps: ClaimDeps, session: ConsoleSession, accountId: string, nowMs: number): Promise<void> {
  await change(deps, session, { row: await getRow(deps, session, accountId), transition: 'close' }, nowMs)
}

/**
 * Lets the agent back in, or shuts it out: then every token that it has is dead. Letting it in needs a review date that is ahead;
 * one that is past is set anew. Throws `not_found`, `conflict`.
 */
export async function readmitAgent(
  deps: ClaimDeps,
  { snapshot, session }: Visitor,
  asked: { readonly accountId: string; readonly readmit: boolean },
  nowMs: number,
): Promise<void> {
  const row = await getRow(deps, session, asked.accountId)
  if (!asked.readmit) return change(deps, session, { row, transition: 'suspend' }, nowMs)
  const origin = await readOrigin(deps.dbOf(row.tenantId), deps.keyEncryption, row.id)
  if (!canComeBack(origin) || !snapshot.agents.has(row.agentId))
    throw new BrokerError('conflict', { hint: 'This agent has no way to prove who it is again.' })
  if (row.reviewOn === null || !reviewDays.isAllowed(row.reviewOn, nowMs))
    await reviewOwned(deps, session, { accountId: row.id, reviewOn: reviewDays.dayAfter(nowMs, reviewDays.standard) }, nowMs)
  await change(deps, session, { row, transition: 'readmit' }, nowMs)
}

/** Throws `not_found`, ValidationError for a day that is not ahead or too far. */
export async function reviewOwned(
  deps: ClaimDeps,
  session: ConsoleSession,
  asked: { readonly accountId: string; readonly reviewOn: string },
  nowMs: number,
): Promise<void> {
  const { accountId, reviewOn } = asked
  const { tenantId, person } = session
  const detail = `Write a day as YYYY-MM-DD, from tomorrow on, at most ${reviewDays.longest} days ahead.`
  refuseProblems(reviewDays.isAllowed(reviewOn, nowMs) ? [] : [{ pointer: '/review_on', detail }])
  const facts = { ...sessionFacts(session), review_on: reviewOn }
  const { leaf, body } = prepareEvent({ type: 'account.review_set', tenantId, accountId, facts }, nowMs)
  const set = await setReview(deps.dbOf(tenantId), { tenantId, accountId, personId: person.id, reviewOn, leaf, body })
  if (!set) throw new BrokerError('not_found', { hint: 'This is no account of yours.' })
}

async function change(
  deps: ClaimDeps,
  session: ConsoleSession,
  { row, transition }: { readonly row: ClaimedRow; readonly transition: Transition },
  nowMs: number,
): Promise<void> {
  const proposal = {
    accountId: row.id,
    tenantId: row.tenantId,
    agentId: row.agentId,
    transition,
    generation: null,
    facts: sessionFacts(session),
  }
  const [answer] = await changeAccounts(deps, [proposal], nowMs)
  if (answer!.outcome === 'done') return
  throw new BrokerError('conflict', { hint: 'The account has ended.' })
}

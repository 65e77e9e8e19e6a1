// Claiming, in order: the link is good and this person may (`resolve-secret.ts`); one of five attempts at the code is used up,
// whatever comes of it; then the transition is proposed, and the commit judges: nobody becomes an owner by a link that was refused or
// renewed, or by a registration that was changed, a moment before. Of two who confirm at once exactly one becomes the owner; the
// other is told that somebody was there first. A process that dies anywhere leaves one owner or none, and asking again is harmless.

import { changeAccounts } from '#core/account/change-accounts.ts'
import { prepareEvent } from '#core/audit/event.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { sameHash } from '#core/ids/secret.ts'
import { type ConsoleSession, sessionFacts } from '#core/operators/sign-in/console-session.ts'
import { clearClaimCode, useAttempt } from '#db/claim/claim-codes.ts'
import { appendPending } from '#db/log/append-pending.ts'
import type { ClaimDeps } from './claim-deps.ts'
import { type Keep, narrowCeiling } from './narrow.ts'
import { getOwned, type OwnedAccount } from './own-accounts.ts'
import { canComeBack, readOrigin } from './read-origin.ts'
import { type ClaimableAccount, findTarget, resolveSecret } from './resolve-secret.ts'
import { reviewDays } from './review.ts'
import type { Visitor } from './visitor.ts'
import { WrongCodeError } from './wrong-code-error.ts'

export interface Confirmation {
  readonly secret: string
  readonly code: string
  /** Whether the agent comes back in, once it has proven its key again. */
  readonly readmit: boolean
  readonly keep?: Keep | undefined
}

/** Throws as `resolveSecret`, WrongCodeError, `too_many_codes`, ValidationError for what is kept. nowMs: the database's clock. */
export async function confirmClaim(deps: ClaimDeps, visitor: Visitor, input: Confirmation, nowMs: number): Promise<OwnedAccount> {
  try {
    return await getOwned(deps, visitor, await claim(deps, visitor, input, nowMs))
  } catch (error) {
    // Whoever claimed with this link and never heard of it, because the answer was lost, is told by asking again.
    const lost = error instanceof BrokerError && error.code === 'already_claimed'
    const own = lost ? await findOwnClaim(deps, visitor.session, input.secret) : undefined
    if (own === undefined) throw error
    return getOwned(deps, visitor, own)
  }
}

/** How often a claim is decided anew because something was registered meanwhile. */
const maxAttempts = 5

/** Returns the account's uuid. */
async function claim(deps: ClaimDeps, visitor: Visitor, input: Confirmation, nowMs: number): Promise<string> {
  let standing = { visitor, account: await resolveSecret(deps, visitor, input.secret) }
  const { row } = standing.account
  narrowCeiling(await deps.ceilings.get(row.ceilingId), input.keep)
  await checkCode(deps, standing, input, nowMs)
  for (let tries = 0; tries < maxAttempts; tries++) {
    if (await propose(deps, standing, input, nowMs)) {
      await clearClaimCode(deps.dbOf(row.tenantId), row.id, row.tenantId)
      return row.id
    }
    // Somebody was first, or the link or the registration is not what it was: this says which, or that it still holds.
    const current = { ...visitor, snapshot: await deps.currentSnapshot(row.tenantId) }
    standing = { visitor: current, account: await resolveSecret(deps, current, input.secret) }
  }
  throw new BrokerError('overloaded', { detail: 'the registration kept changing under the claim', retryAfterSeconds: 1 })
}

interface Standing {
  readonly visitor: Visitor
  readonly account: ClaimableAccount
}

/** False: the commit did not agree. */
async function propose(
  deps: ClaimDeps,
  { visitor: { snapshot, session }, account: { row, secretHash } }: Standing,
  input: Confirmation,
  nowMs: number,
): Promise<boolean> {
  const readmitted = input.readmit && canComeBack(await readOrigin(deps.dbOf(row.tenantId), deps.keyEncryption, row.id))
  const kept = narrowCeiling(await deps.ceilings.get(row.ceilingId), input.keep)
  const proposal = {
    accountId: row.id,
    tenantId: row.tenantId,
    agentId: row.agentId,
    transition: 'claim',
    generation: row.generation,
    standsOn: { secretHash, configEpoch: snapshot.configEpoch },
    ceilingId: kept && (await deps.keepCeiling(kept)),
    claim: { personId: session.person.id, readmitted, reviewOn: reviewDays.dayAfter(nowMs, reviewDays.standard) },
    facts: { ...sessionFacts(session), narrowed: kept !== undefined },
    outbox: { readmitted },
  } as const
  const [answer] = await changeAccounts(deps, [proposal], nowMs)
  return answer!.outcome === 'done'
}

async function findOwnClaim(deps: ClaimDeps, session: ConsoleSession, secret: string): Promise<string | undefined> {
  const target = await findTarget(deps, session.tenantId, secret)
  return target?.use === 'used' && target.row.personId === session.person.id ? target.row.id : undefined
}

async function checkCode(
  deps: ClaimDeps,
  { visitor: { session }, account: { row, secretHash } }: Standing,
  { secret, code }: Confirmation,
  nowMs: number,
): Promise<void> {
  const { tenantId, agentId, id: accountId } = row
  const db = deps.dbOf(tenantId)
  const attempt = await useAttempt(db, accountId, tenantId, secretHash)
  const mac = deps.codeMac(accountId, code)
  if (attempt.mac !== undefined && sameHash(attempt.mac, mac)) return
  // Somebody else may have been first meanwhile: then no code is good any more, and that is not this person's mistake.
  if (attempt.mac === undefined && (await findTarget(deps, tenantId, secret))?.use !== 'open')
    throw await explainLoss(deps, tenantId, secret)
  if (attempt.usedUp) throw new BrokerError('too_many_codes')
  const facts = { ...sessionFacts(session), attempts_left: attempt.attemptsLeft }
  const { leaf, body } = prepareEvent({ type: 'account.claim_code_refused', tenantId, agentId, accountId, facts }, nowMs)
  // Without a code to compare with there is no attempt to bound what somebody could write into the log.
  if (attempt.mac !== undefined) await db.transaction().execute(trx => appendPending(trx, [{ tenantId, leaf, body }]))
  throw new WrongCodeError(attempt.attemptsLeft)
}

/** Why the commit did not agree: somebody else was first, or the account has ended meanwhile. */
async function explainLoss(deps: ClaimDeps, tenantId: string, secret: string): Promise<BrokerError> {
  const now = await findTarget(deps, tenantId, secret)
  return new BrokerError(now?.row.state === 'c' ? 'already_claimed' : 'claim_expired')
}

// The one call. Read from top to bottom it is the list of steps in which a workload's credential becomes a task token:
//
//   who comes → which key → which account → what is granted → claims → leaf → commit → answer
//
// Everything before the commit is decided on what this process remembers and may be stale. The commit is the judge: it
// writes only if configuration, account and pin are still what the decision assumed, else nothing, and we decide again.
// No answer leaves before the commit; a token whose commit failed is thrown away.

import type { PreparedEvent } from '#core/audit/event.ts'
import { eventOnly } from '#core/audit/event-only.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { idJagTyp } from '#core/id-jag/verify.ts'
import { randomText } from '#core/ids/random.ts'
import { delegationTokenTyp } from '#core/issuer-token/issuer-token.ts'
import { rowToStore } from '#core/keys/subject-keys.ts'
import type { Standing } from '#core/quota/quota-error.ts'
import { findSuspension } from '#core/registry/suspension.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { StatusPlace } from '#core/status-list/place.ts'
import { SubjectAuthenticator } from '#core/subject/authenticate-subject.ts'
import type { VerifiedSubject } from '#core/subject/subject.ts'
import type { AppendOutcome, AppendRequest } from '#db/log/append.ts'
import type { Attempt } from './attempt.ts'
import { authenticate } from './authenticate.ts'
import { bindKey, type KeyBinding } from './bind-key.ts'
import { charge, settle } from './charge.ts'
import { type PreparedClaims, prepareClaims, prepareDelegation, prepareIdJag, tokenTyp, withReceipt } from './claims.ts'
import { type Denial, denialError, deny } from './denial.ts'
import { drawStatus } from './draw-status.ts'
import { deniedEvent, issuedEvent, openedEvent } from './events.ts'
import type { ExchangeDeps } from './exchange-deps.ts'
import type { ExchangeRequest } from './exchange-request.ts'
import type { IssuanceFrame } from './issuance-frames.ts'
import { Pins } from './pins.ts'
import { isDenial, type Plan, planIssuance } from './plan.ts'
import type { KeyRequest } from './presented-keys.ts'
import { proveKeys } from './prove-keys.ts'
import { renewClaimSecret } from './renew-claim-secret.ts'
import { taskEnded } from './resolve-account.ts'
import { type TokenAnswer, tokenAnswer } from './token-answer.ts'

/** address: for the private part of the log too. */
export interface ExchangeInput extends KeyRequest {
  readonly request: ExchangeRequest
  /** SHA-256 (hex) of the caller's Idempotency-Key. */
  readonly idempotencyKeyHash: string | undefined
}

export interface ExchangeResult {
  readonly answer: TokenAnswer
  /** What the agent may still use of its limits. */
  readonly standings: readonly Standing[]
}

/** How often a decision is made anew because something changed under it, before the caller is asked to come back. */
const maxAttempts = 5

/** RFC 8693 § 2 / RFC 7523 § 2.1. Throws BrokerError; every verified subject's refusal stands in the log before. */
export async function exchange(deps: ExchangeDeps, input: ExchangeInput): Promise<ExchangeResult> {
  deps.checkLog?.()
  let { snapshot } = input
  const tokenHash = SubjectAuthenticator.hashToken(input.request.subjectToken)
  const proving = proveKeys(deps, input)
  const presented = proving instanceof Promise ? await proving : proving
  for (let tries = 0; tries < maxAttempts; tries++) {
    const attempt: Attempt = { deps, input, snapshot, presented, tokenHash, nowMs: deps.clock.nowMs(), first: tries === 0 }
    // What is at hand is not waited for: each wait costs a turn of the queue.
    const authenticating = authenticate(attempt)
    const subject = authenticating instanceof Promise ? await authenticating : authenticating
    const deciding = decide(attempt, subject)
    const plan = deciding instanceof Promise ? await deciding : deciding
    let outcome = isDenial(plan) ? await recordDenial(attempt, subject, plan) : await issue(attempt, subject, plan)
    if (typeof outcome !== 'string') return outcome
    const refusal = refusalOf(outcome)
    if (refusal) outcome = await recordDenial(attempt, subject, refusal)
    if (outcome === 'config_changed') snapshot = await currentSnapshot(deps, snapshot)
    else if (outcome === 'subject_key_exists') deps.subjectKeys.forget(snapshot.tenant.id, subject.subjectHash)
    else if (!isDenial(plan)) forgetStale(deps, plan, outcome)
  }
  throw new BrokerError('overloaded', { detail: 'the decision kept changing under the request', retryAfterSeconds: 1 })
}

/** What only the commit can know and no second attempt would change. */
function refusalOf(outcome: Exclude<AppendOutcome, 'appended'>): Denial | undefined {
  if (outcome === 'task_ended') return taskEnded
  const whose = { tenant_full: 'tenant', agent_full: 'agent', parent_full: 'parent account', address_full: 'address' }[
    outcome as string
  ]
  if (whose === undefined) return undefined
  return deny(
    'quota_exceeded',
    outcome,
    `This ${whose} has as many active accounts as it may have. Complete one that is done; room is free at once.`,
  )
}

async function currentSnapshot(deps: ExchangeDeps, old: TenantSnapshot): Promise<TenantSnapshot> {
  const snapshot = await deps.directory.refresh(old.tenant.id)
  if (!snapshot) throw new BrokerError('not_found', { hint: 'This tenant no longer exists.' })
  return snapshot
}

/** Which key, which account, what is granted, until when. */
function decide(attempt: Attempt, subject: VerifiedSubject): Plan | Denial | Promise<Plan | Denial> {
  const { deps, input, snapshot, presented, nowMs } = attempt
  const { clientId } = input.request
  const suspension = findSuspension(snapshot, subject)
  if (suspension) return deny('access_denied', suspension.reason, suspension.hint)
  if (clientId !== undefined && clientId !== subject.agent.clientId)
    return deny(
      'client_not_authenticated',
      'other_client_id',
      'client_id names another agent than the one that the proof belongs to.',
    )
  const key = bindKey(snapshot, subject, presented, deps.certificates, nowMs)
  if (!key.ok) return key
  if (!subject.account) return decideFor(attempt, subject, key)
  return holdAccount(attempt, subject, key).then(notHeld => notHeld ?? decideFor(attempt, subject, key))
}

/** key: one that may be used. */
function decideFor(attempt: Attempt, subject: VerifiedSubject, key: KeyBinding): Plan | Denial | Promise<Plan | Denial> {
  const { deps, input } = attempt
  const { subjectToken, subjectKind } = input.request
  // A client that proved its own key brings no token that somebody could steal.
  const pinName = key.binding === 'bearer' && subjectKind !== 'client' ? Pins.nameOf(subjectToken) : undefined
  if (pinName !== undefined && deps.pins.contradicts(pinName, key.key))
    return deny(
      'client_not_authenticated',
      'pinned_to_other_key',
      'The subject token was first used with another key and belongs to it.',
    )
  return planIssuance(attempt, subject, key, pinName)
}

/** The account that was opened ahead belongs to this key from now on, or is another's. */
async function holdAccount(
  { deps, snapshot, nowMs }: Attempt,
  subject: VerifiedSubject,
  { key }: KeyBinding,
): Promise<Denial | undefined> {
  const holding = key ? await deps.accountSubjects.hold(snapshot, subject, key, nowMs) : 'other_key'
  if (holding === 'held') return undefined
  return holding === 'ended'
    ? taskEnded
    : deny('client_not_authenticated', 'other_key', 'The account credential was first used with another key and belongs to it.')
}

/** Claims, leaf, commit; the token is signed while the commit is under way. Answers the outcome when nothing was written. */
async function issue(
  attempt: Attempt,
  subject: VerifiedSubject,
  plan: Plan,
): Promise<ExchangeResult | Exclude<AppendOutcome, 'appended'>> {
  const { deps, input, snapshot } = attempt
  const charging = charge(attempt, subject, plan)
  const taken = charging instanceof Promise ? await charging : charging
  const frame = deps.issuanceFrames.get(plan.subjectKey, subject, plan.claims, input.address)
  // Found before the commit: no leaf for a token that cannot be signed.
  const signer = signerFor(snapshot, plan.claims.resource.config.alg)
  const status = drawStatus(attempt, plan.claims, signer.kid)
  const claims = claimsOf(plan, frame, input.request.nonce, status?.place)
  const issued = issuedEvent(attempt, subject, plan, { claims, facts: frame.facts })
  const events: PreparedEvent[] = plan.opening ? [openedEvent(attempt, subject, plan, frame.facts), issued] : [issued]
  const committing = deps.log.append({
    tenantId: snapshot.tenant.id,
    configEpoch: snapshot.configEpoch,
    ...standsOn(plan),
    events,
    opening: plan.opening?.row ?? null,
    pin: plan.pin ?? null,
    subjectKey: rowToStore(plan.subjectKey),
    ...(status && { status: status.row }),
  })
  const payload = withReceipt(claims, issued.leafHash)
  const signing = signer.sign(payload, typOf(plan))
  const [outcome, token] = await Promise.all([committing, signing])
  if (outcome !== 'appended') {
    settle(attempt, taken, outcome)
    return outcome
  }
  deps.failpoint?.(plan.opening ? 'account-opened' : 'before-answer')
  plan.subjectKey.stored = true
  if (plan.opening) deps.accounts.remember(plan.opening.account)
  if (plan.opening?.child) deps.lineages.remember(plan.opening.child.lineage)
  if (plan.pin) deps.pins.remember(plan.pin)
  const renewing = plan.opening ? undefined : renewClaimSecret(attempt, plan)
  const claimSecret = renewing ? await renewing : plan.opening?.claimSecret
  const answer = tokenAnswer(plan, token, snapshot.tenant.issuer, claimSecret)
  return { answer, standings: deps.quotas.standings(taken) }
}

function claimsOf(
  { claims }: Plan,
  frame: IssuanceFrame,
  nonce: string | undefined,
  status: StatusPlace | undefined,
): PreparedClaims {
  const { idJagAudience, delegation } = claims
  if (idJagAudience !== undefined) return prepareIdJag({ ...claims, idJagAudience })
  const withNonce = { ...claims, nonce: nonce ?? randomText(16), status }
  return delegation ? prepareDelegation({ ...withNonce, delegation }) : prepareClaims(withNonce, frame.claims)
}

function typOf({ claims }: Plan): string {
  if (claims.idJagAudience !== undefined) return idJagTyp
  return claims.delegation ? delegationTokenTyp : tokenTyp(claims.resource.config.replay)
}

/** The account that must live at the commit, and until when at least: the token's own, or the parent of one that is opened. */
function standsOn({ claims, opening }: Plan): Pick<AppendRequest, 'account' | 'untilSeconds'> {
  const { accountId: id, generation, expiresSeconds: untilSeconds } = claims
  if (!opening) return { account: { id, generation }, untilSeconds }
  if (!opening.child) return { account: null, untilSeconds }
  const { parent } = opening.child
  return { account: { id: parent.id, generation: parent.generation }, untilSeconds: opening.account.deadlineSeconds }
}

function signerFor(snapshot: TenantSnapshot, alg: 'ES256' | 'RS256') {
  const signer = snapshot.signers.get(alg)
  if (!signer) throw new BrokerError('internal', { detail: `tenant ${snapshot.tenant.id} has no ${alg} key` })
  return signer
}

/**
 * Throws the refusal once it stands in the log. It is a decision like any other: when the configuration changed under it,
 * nothing is written and the outcome says so, so that nobody is refused by rules that no longer hold.
 */
async function recordDenial(
  attempt: Attempt,
  subject: VerifiedSubject,
  denial: Denial,
): Promise<Exclude<AppendOutcome, 'appended'>> {
  const { deps, snapshot } = attempt
  const tenantId = snapshot.tenant.id
  // Of strangers who have done no work anybody can send as many as there are keys: like junk they are counted.
  if (subject.stranger && !attempt.presented.work) {
    deps.rejections.count(tenantId, attempt.input.address, denial.reason)
    throw denialError(denial)
  }
  await charge(attempt, subject, undefined)
  const key = await deps.subjectKeys.get(tenantId, subject.subjectHash)
  const event = deniedEvent(attempt, subject, denial, key)
  const request = eventOnly(tenantId, event, rowToStore(key))
  const outcome = await deps.log.append({ ...request, configEpoch: snapshot.configEpoch })
  if (outcome !== 'appended') return outcome
  key.stored = true
  throw denialError(denial)
}

/** What turned out to be stale is forgotten, so that the next attempt reads it. An account in the way was remembered with the answer. */
function forgetStale(deps: ExchangeDeps, plan: Plan, outcome: AppendOutcome): void {
  if (outcome === 'subject_token_pinned' && plan.pin) deps.pins.markForeign(plan.pin)
  else if (outcome === 'account_not_live') deps.accounts.forget((plan.opening?.child?.parent ?? plan).taskKey)
  else if (outcome !== 'account_exists') deps.accounts.forget(plan.taskKey)
}

// The decision, complete and still without effect: what will be claimed, written and opened if the commit agrees.

import { type Account, isLive } from '#core/account/account.ts'
import { type Chain, chainOf, type Lineage, lineageOf } from '#core/delegation/lineage.ts'
import { findIdJagTarget, idJagLongestSeconds } from '#core/id-jag/mint.ts'
import { newId } from '#core/ids/id.ts'
import type { HeldSubjectKey } from '#core/keys/subject-keys.ts'
import type { Permission } from '#core/permission/permission.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { VerifiedSubject } from '#core/subject/subject.ts'
import type { Pin } from '#db/log/append.ts'
import { type AccountBounds, boundedByAncestors, boundsOfChild, boundsOfRoot } from './account-bounds.ts'
import type { Attempt } from './attempt.ts'
import type { KeyBinding } from './bind-key.ts'
import { carve } from './carve.ts'
import type { ClaimsInput } from './claims.ts'
import { type Denial, deny } from './denial.ts'
import type { ExchangeDeps } from './exchange-deps.ts'
import type { ExchangeRequest } from './exchange-request.ts'
import { ceilingsOf, type Grant } from './grant.ts'
import { grantIssuer, isForIssuer } from './issuer-grant.ts'
import { newAccount, type PlannedOpening, planOpening } from './opening.ts'
import { Pins } from './pins.ts'
import { denyBeyond, withinProof } from './proof-bounds.ts'
import { type AccountChoice, resolveAccount } from './resolve-account.ts'
import { type ChildChoice, resolveChild } from './resolve-child.ts'

export interface Plan {
  readonly claims: Omit<ClaimsInput, 'nonce'>
  readonly binding: 'pop' | 'bearer'
  readonly dropped: Permission
  readonly taskKey: string
  readonly deadlineSeconds: number
  /** The key of the account's opening, when the account exists already. */
  readonly openingKey: string | null
  readonly opening: PlannedOpening | undefined
  /** Of a child account; undefined: a root. */
  readonly lineage: Lineage | undefined
  readonly pin: Pin | undefined
  readonly subjectKey: HeldSubjectKey
}

export const isDenial = (value: Plan | Denial): value is Denial => 'code' in value

/**
 * Nothing is waited for where all of it is remembered. pinName: the name under which the subject token is pinned to its key
 * (`Pins.nameOf`); undefined: the key is proven.
 */
export function planIssuance(
  attempt: Attempt,
  subject: VerifiedSubject,
  key: KeyBinding,
  pinName: string | undefined,
): Plan | Denial | Promise<Plan | Denial> {
  const { deps, snapshot } = attempt
  const tenantId = snapshot.tenant.id
  const choosing = chooseAccount(attempt, subject, key)
  const keyHeld = deps.subjectKeys.recall(tenantId, subject.subjectHash) ?? deps.subjectKeys.get(tenantId, subject.subjectHash)
  if (!(choosing instanceof Promise) && !(keyHeld instanceof Promise))
    return planChosen(attempt, subject, key, { choice: choosing, subjectKey: keyHeld, pinName })
  return Promise.all([choosing, keyHeld]).then(([choice, subjectKey]) =>
    planChosen(attempt, subject, key, { choice, subjectKey, pinName }),
  )
}

interface Chosen<Kind = Choice> {
  readonly choice: Kind
  readonly subjectKey: HeldSubjectKey
  readonly pinName: string | undefined
}

/** A denial names the account that it is about, where there is one. */
function planChosen(
  attempt: Attempt,
  subject: VerifiedSubject,
  key: KeyBinding,
  chosen: Chosen<Choice | Denial>,
): Plan | Denial | Promise<Plan | Denial> {
  const { choice } = chosen
  if (!choice.ok) return choice
  const named = (plan: Plan | Denial): Plan | Denial =>
    isDenial(plan) && choice.kind === 'existing' ? { ...plan, accountId: choice.account.id } : plan
  const account = choice.kind === 'existing' ? choice.account : newAccount(attempt, subject, choice)
  const bounding = findBounds(attempt, subject, key, { choice, account })
  if (bounding instanceof Promise)
    return bounding.then(bounds => planIn(attempt, subject, key, { ...chosen, choice, account, bounds })).then(named)
  const plan = planIn(attempt, subject, key, { ...chosen, choice, account, bounds: bounding })
  return plan instanceof Promise ? plan.then(named) : named(plan)
}

/** What is granted in an account, and until when. */
function planIn(
  attempt: Attempt,
  subject: VerifiedSubject,
  key: KeyBinding,
  {
    choice,
    subjectKey,
    pinName,
    account,
    bounds,
  }: Chosen & { readonly account: Account; readonly bounds: AccountBounds | Denial },
): Plan | Denial | Promise<Plan | Denial> {
  const { deps, input, snapshot, nowMs } = attempt
  if (!bounds.ok) return bounds
  const asked = aimRequest(snapshot, subject.bounds ? withinProof(input.request, subject.bounds) : input.request)
  if ('ok' in asked) return asked
  const chain = chainOf(account, subject.agent.settings, bounds.lineage)
  const grant = decideGrant(attempt, subject, asked, { account, bounds, chain })
  if (!grant.ok) return grant
  const proofUntilSeconds = choice.kind === 'child' ? choice.tokenUntilSeconds : Number.POSITIVE_INFINITY
  const terms = { subject, key, grant, account, chain, proofUntilSeconds }
  const nowSeconds = Math.floor(nowMs / 1000)
  const expiresSeconds = endOfToken(terms, input.request, nowSeconds)
  if (expiresSeconds <= nowSeconds || !isLive(account, nowSeconds))
    return deny('access_denied', 'nothing_left', 'Less than a second is left of the account or of the presented credentials.')
  const plan: Plan = {
    claims: claimsOf(attempt, terms, expiresSeconds),
    binding: key.binding,
    dropped: grant.dropped,
    taskKey: account.taskKey,
    deadlineSeconds: account.deadlineSeconds,
    openingKey: choice.kind === 'existing' ? account.openingKey : null,
    opening: choice.kind === 'existing' ? undefined : planOpening(attempt, subject, account, choice),
    lineage: bounds.lineage,
    pin: choice.pin ?? (pinName === undefined ? undefined : pinFor(deps, pinName, key, subject)),
    subjectKey,
  }
  const { delegation } = asked
  if (!delegation) return plan
  const parent = { accountId: account.id, lineage: bounds.lineage, agent: subject.agent }
  return carve(attempt, parent, delegation.quota).then(short => short ?? plan)
}

type Choice = AccountChoice | ChildChoice

/** Which account: a child's, where a delegation token came; else the one that is named, or the task's. */
function chooseAccount(attempt: Attempt, subject: VerifiedSubject, key: KeyBinding): Choice | Denial | Promise<Choice | Denial> {
  const { deps, input, snapshot, nowMs, first } = attempt
  const { delegationToken } = input.request
  if (delegationToken !== undefined) return resolveChild(attempt, subject, key, delegationToken)
  const at = { tenantId: snapshot.tenant.id, nowSeconds: Math.floor(nowMs / 1000), mayAssumeNew: first }
  return resolveAccount(deps.accounts, subject, input.request, at)
}

function findBounds(
  attempt: Attempt,
  subject: VerifiedSubject,
  key: KeyBinding,
  { choice, account }: { readonly choice: Choice; readonly account: Account },
): AccountBounds | Denial | Promise<AccountBounds | Denial> {
  if (choice.kind === 'child') return boundedByAncestors(attempt.snapshot, lineageOf(account.id, choice.lineage), choice.ceiling)
  return account.rootId === null ? boundsOfRoot(attempt, subject, account.ceilingId) : boundsOfChild(attempt, account, key)
}

function decideGrant(
  { deps, input, snapshot }: Attempt,
  subject: VerifiedSubject,
  asked: ExchangeRequest,
  { account, bounds, chain }: { readonly account: Account; readonly bounds: AccountBounds; readonly chain: Chain },
): Grant | Denial {
  const { agent } = subject
  const { ceiling } = bounds
  const forIssuer = isForIssuer(snapshot, asked)
  if (asked.delegation && !forIssuer)
    return deny('malformed_request', 'delegation_elsewhere', 'may_act goes with resource of the broker itself, and no other.')
  const grant = forIssuer
    ? grantIssuer(snapshot, asked, { account, chain, ceilings: ceilingsOf(agent, ceiling) })
    : deps.grants.evaluate(snapshot, agent, ceiling, asked)
  if (!grant.ok) return grant
  const beyond = subject.bounds && denyBeyond(subject.bounds, grant)
  if (beyond) return beyond
  if (grant.resource.config.replay === 'challenge' && input.request.nonce === undefined)
    return deny(
      'malformed_request',
      'no_nonce',
      'Send nonce: this resource takes only tokens that carry the nonce of its own challenge.',
    )
  return grant
}

/** An ID-JAG is asked for by its authorization server, behind which stands the resource that the grant is about. */
function aimRequest(snapshot: TenantSnapshot, request: ExchangeRequest): ExchangeRequest | Denial {
  const { idJagAudience, targets } = request
  if (idJagAudience === undefined) return request
  if (targets.length > 1) return deny('target_refused', 'several_targets', 'Ask for one resource in a request.')
  const target = findIdJagTarget(snapshot, idJagAudience, targets[0])
  return target.ok ? { ...request, targets: [target.resource.uri] } : deny('target_refused', 'unknown_target', target.hint)
}

/** What a token stands on. */
interface Terms {
  readonly subject: VerifiedSubject
  readonly key: KeyBinding
  readonly grant: Grant
  readonly account: Account
  readonly chain: Chain
  /** End of the delegation token that opens the account; Infinity: none does. */
  readonly proofUntilSeconds: number
}

function claimsOf(
  { snapshot, input, nowMs }: Attempt,
  { subject, key, grant, account, chain }: Terms,
  expiresSeconds: number,
): Plan['claims'] {
  return {
    issuer: snapshot.tenant.issuer,
    configEpoch: snapshot.configEpoch,
    clientId: subject.agent.clientId,
    accountId: account.id,
    generation: account.generation,
    chain,
    taskId: account.taskId,
    resource: grant.resource,
    granted: grant.granted,
    resourceHash: grant.resourceHash,
    key: grant.resource.config.enforces.includes('cnf') ? key.key : undefined,
    idJagAudience: input.request.idJagAudience,
    delegation: input.request.delegation,
    tokenId: newId('token', nowMs),
    issuedSeconds: Math.floor(nowMs / 1000),
    expiresSeconds,
  }
}

/** A token outlives nothing that it stands on: account, subject token, certificate, registration, resource. Seconds since the epoch. */
function endOfToken(
  { subject, key, grant, account, proofUntilSeconds }: Terms,
  request: ExchangeRequest,
  nowSeconds: number,
): number {
  const { ttlSeconds: askedSeconds, idJagAudience } = request
  const { resource } = grant
  const { token_ttl_seconds } = subject.agent.settings
  const most = idJagAudience === undefined ? Number.POSITIVE_INFINITY : idJagLongestSeconds
  const lifetime = Math.min(askedSeconds ?? token_ttl_seconds, token_ttl_seconds, resource.config.max_ttl_seconds, most)
  const { deadlineSeconds } = account
  return Math.floor(
    Math.min(nowSeconds + lifetime, deadlineSeconds, subject.untilSeconds, key.notAfterSeconds, proofUntilSeconds),
  )
}

function pinFor(deps: ExchangeDeps, pinName: string, key: KeyBinding, subject: VerifiedSubject): Pin | undefined {
  if (deps.pins.confirms(pinName, key.key)) return undefined
  return { token_hash: pinName, key: Pins.keyName(key.key), until: subject.expiresSeconds }
}

// A sub-agent opens an account below another one. It brings the delegation token that the parent got for it, and is
// authenticated by its own credential and its own key. What the token says is the most that the child gets; whether the parent
// still lives, at that very generation, the commit judges again.

import { hash } from 'node:crypto'
import { type Account, taskKey } from '#core/account/account.ts'
import { findParentFault } from '#core/delegation/judge-parent.ts'
import { chainOf, lineageOfChild } from '#core/delegation/lineage.ts'
import { type DelegationToken, pinNameOfDelegation } from '#core/issuer-token/issuer-token.ts'
import type { VerifiedSubject } from '#core/subject/subject.ts'
import type { LineageNow } from '#db/accounts/read-lineages.ts'
import type { NewLineage, Pin } from '#db/log/append.ts'
import type { Attempt } from './attempt.ts'
import type { KeyBinding } from './bind-key.ts'
import { denyUncarved } from './carve.ts'
import { type Denial, deny } from './denial.ts'
import type { AccountCeiling } from './grant.ts'
import { type AccountChoice, checkOwn } from './resolve-account.ts'

/** A child account that is to be opened. */
export interface ChildChoice {
  readonly ok: true
  readonly kind: 'child'
  readonly taskId: string
  readonly taskKey: string
  readonly parent: Account
  readonly lineage: NewLineage
  readonly ceiling: AccountCeiling
  /** Its latest end; seconds since the epoch. */
  readonly untilSeconds: number
  /** End of the delegation token, which its first token does not outlive. */
  readonly tokenUntilSeconds: number
  /** Makes the delegation token this child's own: it opens no second one. */
  readonly pin: Pin
}

type Existing = Extract<AccountChoice, { kind: 'existing' }> & { readonly pin: Pin }

const refuseToken = (reason: string, hint: string): Denial => deny('subject_token_refused', reason, hint)

/** delegationToken: as it was sent. Throws BrokerError `log_unavailable`. */
export async function resolveChild(
  attempt: Attempt,
  subject: VerifiedSubject,
  key: KeyBinding,
  delegationToken: string,
): Promise<ChildChoice | Existing | Denial> {
  const { deps, input, snapshot, nowMs } = attempt
  const { request } = input
  if (key.binding !== 'pop' || !key.key)
    return deny('client_not_authenticated', 'key_not_proven', 'Who opens a child account must prove a key of its own.')
  if (request.accountId !== undefined)
    return deny('malformed_request', 'account_and_delegation', 'Renew with your own credential and account_id alone.')
  const verified = await deps.issuerTokens.verify(snapshot, delegationToken, nowMs)
  if (!verified.ok) return refuseToken(verified.reason, verified.hint)
  const { token, revocable } = verified
  if (token.kind !== 'delegation')
    return refuseToken(
      'not_a_delegation',
      'It opens no account: ask for a token with resource of the broker itself, and may_act.',
    )
  if (token.delegateId !== subject.agent.id)
    return refuseToken('other_delegate', 'Its may_act names another agent than the one that presents it.')
  const taskId = request.taskId ?? `child-${token.tokenId}`
  const child = { taskId, taskKey: taskKey(subject.agent.id, taskId) }
  const pin = pinOf(snapshot.tenant.id, token, subject, child.taskKey)
  if (deps.pins.isForeign(pin))
    return refuseToken('delegation_used', 'It has opened another account; the parent gets a token for each child.')
  const parent = await findParent(attempt, token)
  if ('code' in parent) return parent
  if (await deps.isRevoked(snapshot.tenant.id, revocable))
    return refuseToken('delegation_revoked', 'It was revoked; the parent gets another one, if it may.')
  const mayAssumeNew = attempt.first && deps.accounts.recall(child.taskKey) === undefined
  const there = mayAssumeNew ? undefined : await deps.accounts.findByTask(attempt.snapshot.tenant.id, child.taskKey)
  if (there) return useExisting(attempt, subject, there, parent.account, pin)
  return openChild(attempt, parent, token, { ...child, pin })
}

interface Parent {
  readonly account: Account
  readonly now: LineageNow | undefined
}

async function findParent({ deps, snapshot, nowMs }: Attempt, token: DelegationToken): Promise<Parent | Denial> {
  const tenantId = snapshot.tenant.id
  const account = await deps.accounts.findById(tenantId, token.accountId)
  const now = account && account.rootId !== null ? await deps.lineages.read(tenantId, account.id) : undefined
  const agent = account && snapshot.agents.get(account.agentId)
  const place = account && agent && chainOf(account, agent.settings, now?.lineage)
  const fault = findParentFault(token, { tenantId, account, lineage: now, place, nowSeconds: nowMs / 1000 })
  return fault ? deny(...fault) : { account: account!, now }
}

/** The sub-agent came back with the same task: the same account, if it is a child of the same parent. */
async function useExisting(
  { deps, snapshot, nowMs }: Attempt,
  subject: VerifiedSubject,
  there: Account,
  parent: Account,
  pin: Pin,
): Promise<Existing | Denial> {
  const choice = checkOwn(there, subject, Math.floor(nowMs / 1000))
  if (!choice.ok) return choice
  const now = there.rootId === null ? undefined : await deps.lineages.read(snapshot.tenant.id, there.id)
  if (now?.lineage.parentId !== parent.id)
    return deny(
      'access_denied',
      'task_of_another',
      'This agent has an account for this task_id already, which is no child of the parent.',
    )
  return { ok: true, kind: 'existing', account: there, pin }
}

async function openChild(
  attempt: Attempt,
  { account: parent, now }: Parent,
  token: DelegationToken,
  child: Pick<ChildChoice, 'taskId' | 'taskKey' | 'pin'>,
): Promise<ChildChoice | Denial> {
  const { deps, nowMs } = attempt
  const parentAgent = attempt.snapshot.agents.get(parent.agentId)!
  const uncarved = denyUncarved(attempt, { accountId: parent.id, lineage: now?.lineage, agent: parentAgent }, token.quota)
  if (uncarved) return uncarved
  const { permission, maxDepth, accountTtlSeconds, expiresSeconds } = token
  const id = await deps.ceilings.keep(permission)
  const endsBy = accountTtlSeconds === undefined ? undefined : Math.floor(nowMs / 1000) + accountTtlSeconds
  // Kept, because an account asks for more time later.
  const quota = endsBy === undefined ? (token.quota ?? null) : { ...token.quota, ends_by: endsBy }
  return {
    ok: true,
    kind: 'child',
    ...child,
    parent,
    lineage: lineageOfChild(parent, now?.lineage, { maxDepth, quota }),
    ceiling: { id, permission },
    untilSeconds: Math.min(endsBy ?? Number.POSITIVE_INFINITY, parent.deadlineSeconds),
    tokenUntilSeconds: expiresSeconds,
  }
}

/** A pin outlives its token a little, so that no rounding opens a gap between the two. */
const pinMarginSeconds = 60

/** One delegation token, one child account: the first account that it opens is the one that it belongs to. */
function pinOf(tenantId: string, token: DelegationToken, subject: VerifiedSubject, childKey: string): Pin {
  const sha256 = (text: string): string => hash('sha256', text, 'hex')
  return {
    token_hash: pinNameOfDelegation(tenantId, token.tokenId),
    key: sha256(`child ${childKey} ${subject.opener}`),
    until: token.expiresSeconds + pinMarginSeconds,
  }
}

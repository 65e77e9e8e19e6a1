// Which temporary account does the request live in? The one it names, the one of its task, or a new one.

import { type Account, isLive, taskKey } from '#core/account/account.ts'
import type { AccountStore } from '#core/account/account-store.ts'
import { parseId } from '#core/ids/id.ts'
import type { VerifiedSubject } from '#core/subject/subject.ts'
import type { Pin } from '#db/log/append.ts'
import { type Denial, deny } from './denial.ts'
import type { ExchangeRequest } from './exchange-request.ts'

export type AccountChoice =
  | { readonly ok: true; readonly kind: 'existing'; readonly account: Account; readonly pin?: Pin }
  | { readonly ok: true; readonly kind: 'new'; readonly taskId: string; readonly taskKey: string; readonly pin?: undefined }

/** The account that a subject asked for last: most ask for the same again, whose task key need not be hashed again then. */
const lastAccounts = new WeakMap<VerifiedSubject, Account>()

/**
 * No round trip when the account is remembered. Else one, shared with whoever asks at the same time; or none, when a task that is
 * not remembered may be taken for a new one: the commit opens its account, or tells of the one that is there.
 */
export function resolveAccount(
  accounts: AccountStore,
  subject: VerifiedSubject,
  request: ExchangeRequest,
  {
    tenantId,
    nowSeconds,
    mayAssumeNew,
  }: { readonly tenantId: string; readonly nowSeconds: number; readonly mayAssumeNew: boolean },
): AccountChoice | Denial | Promise<AccountChoice | Denial> {
  if (subject.account) return resolveHeld(accounts, subject, request, { tenantId, nowSeconds })
  if (request.accountId !== undefined)
    return findNamed(accounts, tenantId, request.accountId).then(account => checkNamed(account, subject, request, nowSeconds))
  const taskId = request.taskId ?? subject.derivedTaskId
  if (taskId === undefined)
    return deny(
      'malformed_request',
      'no_task',
      'Send task_id or account_id: this agent registers no claims to derive the task from.',
    )
  const last = lastAccounts.get(subject)
  const key = last?.taskId === taskId ? last.taskKey : taskKey(subject.agent.id, taskId)
  const remembered = accounts.recall(key)
  if (remembered && isLive(remembered, nowSeconds)) {
    if (remembered !== last) lastAccounts.set(subject, remembered)
    return checkOwn(remembered, subject, nowSeconds)
  }
  // Only what was just read may be called over: meanwhile its deadline may have been moved.
  if (remembered) accounts.forget(key)
  const mayOpen = subject.agent.settings.may_open
  const choose = (account: Account | undefined): AccountChoice | Denial => {
    if (account) return checkOwn(account, subject, nowSeconds)
    if (mayOpen) return { ok: true, kind: 'new', taskId, taskKey: key }
    return deny(
      'access_denied',
      'may_not_open',
      'This agent may not open accounts; ask its orchestrator for one and present the account credential that comes with it.',
    )
  }
  const mustLook = remembered !== undefined || !mayAssumeNew || !mayOpen
  return mustLook ? accounts.findByTask(tenantId, key).then(choose) : choose(undefined)
}

/** The account that the credential is for, and no other. */
function resolveHeld(
  accounts: AccountStore,
  subject: VerifiedSubject,
  request: ExchangeRequest,
  { tenantId, nowSeconds }: { readonly tenantId: string; readonly nowSeconds: number },
): AccountChoice | Denial | Promise<AccountChoice | Denial> {
  const { id, taskId } = subject.account!
  // Asked here too: the account may have been claimed, and its agent let back in, since the credential was looked at.
  const check = (account: Account | undefined) =>
    account?.state === 'c' ? taskEnded : checkNamed(account, subject, request, nowSeconds)
  if (request.accountId !== undefined && parseId('account', request.accountId) !== id) return check(undefined)
  const remembered = accounts.recall(taskKey(subject.agent.id, taskId))
  return remembered && isLive(remembered, nowSeconds) ? check(remembered) : accounts.findById(tenantId, id).then(check)
}

async function findNamed(accounts: AccountStore, tenantId: string, wireId: string): Promise<Account | undefined> {
  const id = parseId('account', wireId)
  return id === undefined ? undefined : accounts.findById(tenantId, id)
}

function checkNamed(
  account: Account | undefined,
  subject: VerifiedSubject,
  request: ExchangeRequest,
  nowSeconds: number,
): AccountChoice | Denial {
  // Whether another agent's account exists is not told.
  if (!account || account.agentId !== subject.agent.id)
    return deny('access_denied', 'unknown_account', 'This agent has no such account.')
  if (request.taskId !== undefined && request.taskId !== account.taskId)
    return deny('malformed_request', 'task_mismatch', 'task_id and account_id name different accounts; send one of them.')
  return checkOwn(account, subject, nowSeconds)
}

export const taskEnded: Denial = deny(
  'account_not_live',
  'account_ended',
  'Its task is over; start a new one with a new task_id.',
)

/** Instances of one agent share its registration, never each other's accounts. */
export function checkOwn(account: Account, subject: VerifiedSubject, nowSeconds: number): AccountChoice | Denial {
  if (account.agentId !== subject.agent.id || account.opener !== subject.opener)
    return deny('access_denied', 'not_the_opener', 'Another workload opened the account of this task; use a task_id of your own.')
  if (!isLive(account, nowSeconds)) return taskEnded
  return { ok: true, kind: 'existing', account }
}

// An account that somebody opens for an agent before the agent comes: an orchestrator, which hands over the credential.
//
// It is decided and committed like an opening at the token endpoint: on what this process remembers, judged by the commit, anew when
// something changed under it. Repeating it under the same key gives the same account and credential, and a fresh claim secret.

import { hash } from 'node:crypto'
import { type PreparedEvent, prepareEvent } from '#core/audit/event.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { refuseProblems } from '#core/errors/validation-error.ts'
import { newUuid } from '#core/ids/id.ts'
import { randomText } from '#core/ids/random.ts'
import { hashSecret, newClaimSecret } from '#core/ids/secret.ts'
import { type HeldSubjectKey, rowToStore, type SubjectKeys } from '#core/keys/subject-keys.ts'
import { actorFacts, type Principal } from '#core/operators/principal.ts'
import type { Permission } from '#core/permission/permission.ts'
import type { Agent } from '#core/registry/agent.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import { findSuspension } from '#core/registry/suspension.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { BoundKey } from '#core/subject/bound-key.ts'
import { hashList } from '#core/subject/subject.ts'
import type { Clock } from '#core/time/clock.ts'
import type { ClaimRenewal } from '#db/accounts/read-accounts.ts'
import type { AppendOutcome, AppendRequest, Opening } from '#db/log/append.ts'
import { type Account, taskKey } from './account.ts'
import { openerOfCredential } from './account-credential.ts'
import type { AccountStore } from './account-store.ts'
import { findCeilingAhead } from './ceiling-ahead.ts'
import { openingRowOf } from './opening-row.ts'

export interface OpenAheadDeps {
  readonly directory: Pick<TenantDirectory, 'refresh'>
  readonly clock: Clock
  readonly accounts: Pick<AccountStore, 'findByTask' | 'forget'>
  readonly subjectKeys: SubjectKeys
  readonly log: { append(request: AppendRequest): Promise<AppendOutcome> }
  readonly replaceClaimHash: (renewal: ClaimRenewal) => Promise<boolean>
  /** `createAccountCredentials` */
  readonly credentialOf: (accountId: string) => string
  /** The id of the ceiling that is this permission, kept for ever. */
  readonly keepCeiling: (permission: Permission) => Promise<string>
  /** How many active accounts there may be. */
  readonly limitsOf: (snapshot: TenantSnapshot, agent: Agent) => Pick<Opening, 'limits'>
}

export interface OpenAheadInput {
  readonly snapshot: TenantSnapshot
  readonly actor: Principal
  /** uuid */
  readonly agentId: string
  /** Undefined: made here. */
  readonly taskId: string | undefined
  /** Undefined: all of the agent's ceiling. */
  readonly permission: { readonly scope?: string; readonly authorization_details?: readonly unknown[] } | undefined
  /** Undefined: as long as the agent's accounts live. */
  readonly ttlSeconds: number | undefined
  /** The only key that the account's holder may have; undefined: the first that uses the credential. */
  readonly key: BoundKey | undefined
  /** Hex of SHA-256 over whatever names the request, to be repeated; undefined: it has no name. */
  readonly openingKey: string | undefined
  /** Of the caller, for the private part of the log. */
  readonly address: string
}

export interface OpenedAhead {
  readonly account: Account
  readonly agent: Agent
  readonly permission: Permission
  readonly issuer: string
  /** `mfa_…` */
  readonly credential: string
  /** `mfc_…`; undefined: it ended meanwhile. */
  readonly claimSecret: string | undefined
}

const maxAttempts = 5

/**
 * Throws BrokerError: `not_found` (no such agent), `scope_refused`, `details_refused`, `validation_failed`, `conflict` (the task has an
 * account or had one), `quota_exceeded`, `log_unavailable`, `overloaded`.
 */
export async function openAhead(deps: OpenAheadDeps, input: OpenAheadInput): Promise<OpenedAhead> {
  let { snapshot } = input
  // A repetition must mean the same task.
  const made = input.openingKey === undefined ? randomText(16) : hash('sha256', input.openingKey, 'base64url').slice(0, 22)
  const taskId = input.taskId ?? `tsk_${made}`
  for (let tries = 0; tries < maxAttempts; tries++) {
    const draft = await draftOpening(deps, { ...input, snapshot, taskId })
    const outcome = await commit(deps, draft)
    if (outcome === 'appended') return answer(draft, draft.account, draft.claimSecret)
    if (outcome === 'account_exists') return repeat(deps, draft)
    refuse(outcome)
    if (outcome === 'config_changed') snapshot = await currentSnapshot(deps, snapshot)
    else deps.subjectKeys.forget(snapshot.tenant.id, subjectOf(draft.agent))
  }
  throw new BrokerError('overloaded', { detail: 'the opening kept changing under the request', retryAfterSeconds: 1 })
}

interface Draft extends OpenedAhead {
  readonly input: OpenAheadInput & { readonly taskId: string }
  readonly claimSecret: string
  readonly key: HeldSubjectKey
  readonly nowMs: number
}

/** What it would be, without effect but for the ceiling, which is content. */
async function draftOpening(deps: OpenAheadDeps, input: Draft['input']): Promise<Draft> {
  const { snapshot, agentId, ttlSeconds, taskId } = input
  const agent = snapshot.agents.get(agentId)
  if (!agent) throw new BrokerError('not_found', { hint: 'This tenant has no such agent.' })
  const suspension = findSuspension(snapshot, { agent })
  if (suspension) throw new BrokerError('conflict', { hint: suspension.hint, detail: suspension.reason })
  const { account_ttl_seconds: longest } = agent.settings
  const detail = `Accounts of this agent live ${longest} seconds at most.`
  refuseProblems(ttlSeconds !== undefined && ttlSeconds > longest ? [{ pointer: '/ttl', detail }] : [])
  const { id: ceilingId, permission } = await findCeilingAhead(agent, input.permission, deps.keepCeiling)
  const nowMs = deps.clock.nowMs()
  const nowSeconds = Math.floor(nowMs / 1000)
  const id = newUuid(nowSeconds * 1000)
  const credential = deps.credentialOf(id)
  const account: Account = {
    id,
    tenantId: snapshot.tenant.id,
    agentId,
    taskKey: taskKey(agentId, taskId),
    taskId,
    state: 'a',
    generation: 1,
    deadlineSeconds: nowSeconds + (ttlSeconds ?? longest),
    ceilingId,
    opener: openerOfCredential(credential, input.key),
    openingKey: input.openingKey ?? null,
    rootId: null,
    readmitted: false,
  }
  const key = await deps.subjectKeys.get(snapshot.tenant.id, subjectOf(agent))
  const claimSecret = newClaimSecret(id)
  return { account, agent, permission, issuer: snapshot.tenant.issuer, credential, claimSecret, key, nowMs, input }
}

/** Under whose key the log keeps what could describe the task: whoever holds accounts of this agent. */
const subjectOf = (agent: Agent): string => hashList(['account-credential', agent.id])

async function commit(deps: OpenAheadDeps, draft: Draft): Promise<AppendOutcome> {
  const { account, claimSecret, key, input, agent } = draft
  const opening = { ...openingRowOf(account, claimSecret), ...deps.limitsOf(input.snapshot, agent) }
  const outcome = await deps.log.append({
    tenantId: account.tenantId,
    configEpoch: input.snapshot.configEpoch,
    account: null,
    untilSeconds: 0,
    events: [openedEvent(draft)],
    opening,
    pin: null,
    subjectKey: rowToStore(key),
  })
  if (outcome === 'appended') key.stored = true
  return outcome
}

function openedEvent({ account, input, key, nowMs }: Draft): PreparedEvent {
  const { actor, address } = input
  return prepareEvent(
    {
      type: 'account.opened',
      tenantId: account.tenantId,
      agentId: account.agentId,
      accountId: account.id,
      facts: { ...actorFacts(actor), ahead: true, ceiling: account.ceilingId, deadline: account.deadlineSeconds },
      private: { subjectKey: key, facts: { address, task_id: account.taskId } },
    },
    nowMs,
  )
}

const answer = (draft: Draft, account: Account, claimSecret: string | undefined): OpenedAhead => ({
  account,
  agent: draft.agent,
  permission: draft.permission,
  issuer: draft.issuer,
  credential: draft.credential,
  claimSecret,
})

/** The task has an account. If this very request opened it, its answer may have been lost. */
async function repeat(deps: OpenAheadDeps, draft: Draft): Promise<OpenedAhead> {
  const { input } = draft
  const existing = await deps.accounts.findByTask(draft.account.tenantId, draft.account.taskKey)
  const credential = existing && deps.credentialOf(existing.id)
  const isOurs =
    existing !== undefined &&
    input.openingKey !== undefined &&
    existing.openingKey === input.openingKey &&
    existing.opener === openerOfCredential(credential!, input.key)
  if (!isOurs) throw new BrokerError('conflict', { hint: 'This task of the agent has an account already.' })
  const secret = newClaimSecret(existing.id)
  const { id: accountId, tenantId } = existing
  const event = prepareEvent(
    { type: 'account.claim_secret_renewed', tenantId, accountId, facts: actorFacts(input.actor) },
    draft.nowMs,
  )
  const renewed = await deps
    .replaceClaimHash({ tenantId, accountId, claimHash: hashSecret(secret), leaf: event.leaf, body: event.body })
    .catch(cause => Promise.reject(new BrokerError('log_unavailable', { cause, retryAfterSeconds: 1 })))
  return { ...answer(draft, existing, renewed ? secret : undefined), credential: credential! }
}

function refuse(outcome: AppendOutcome): void {
  if (outcome === 'task_ended')
    throw new BrokerError('conflict', { hint: 'This task of the agent is over; name another task_id.' })
  const whose = { tenant_full: 'tenant', agent_full: 'agent' }[outcome as string]
  if (whose !== undefined)
    throw new BrokerError('quota_exceeded', {
      detail: outcome,
      hint: `This ${whose} has as many active accounts as it may have. Complete one that is done; room is free at once.`,
    })
}

async function currentSnapshot(deps: OpenAheadDeps, old: TenantSnapshot): Promise<TenantSnapshot> {
  const snapshot = await deps.directory.refresh(old.tenant.id)
  if (!snapshot) throw new BrokerError('not_found', { hint: 'This tenant no longer exists.' })
  return snapshot
}

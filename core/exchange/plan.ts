// The decision, complete and still without effect: what will be claimed, written and opened if the commit agrees.

import { type Account, isLive } from '#core/account/account.ts'
import { findIdJagTarget, idJagLongestSeconds } from '#core/id-jag/mint.ts'
import { newId, newUuid } from '#core/ids/id.ts'
import { hashSecret, newClaimSecret } from '#core/ids/secret.ts'
import type { HeldSubjectKey } from '#core/keys/subject-keys.ts'
import type { Permission } from '#core/permission/permission.ts'
import { liveLimits } from '#core/quota/live-limits.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { VerifiedSubject } from '#core/subject/subject.ts'
import type { Opening, Pin } from '#db/log/append.ts'
import type { Attempt } from './attempt.ts'
import type { KeyBinding } from './bind-key.ts'
import type { ClaimsInput } from './claims.ts'
import { type Denial, deny } from './denial.ts'
import type { ExchangeDeps } from './exchange-deps.ts'
import type { ExchangeRequest } from './exchange-request.ts'
import type { Grant } from './grant.ts'
import { Pins } from './pins.ts'
import { denyBeyond, withinProof } from './proof-bounds.ts'
import { type AccountChoice, resolveAccount } from './resolve-account.ts'

export interface Plan {
  readonly claims: Omit<ClaimsInput, 'nonce'>
  readonly binding: 'pop' | 'bearer'
  readonly dropped: Permission
  readonly taskKey: string
  readonly deadlineSeconds: number
  /** The key of the account's opening, when the account exists already. */
  readonly openingKey: string | null
  readonly opening: { readonly row: Opening; readonly account: Account; readonly claimSecret: string } | undefined
  readonly pin: Pin | undefined
  readonly subjectKey: HeldSubjectKey
}

export const isDenial = (value: Plan | Denial): value is Denial => 'code' in value

/** pinName: the name under which the subject token is pinned to its key (`Pins.nameOf`); undefined: the key is proven. */
export async function planIssuance(
  attempt: Attempt,
  subject: VerifiedSubject,
  key: KeyBinding,
  pinName: string | undefined,
): Promise<Plan | Denial> {
  const { deps, input, snapshot, nowMs } = attempt
  const nowSeconds = Math.floor(nowMs / 1000)
  const tenantId = snapshot.tenant.id
  const choosing = resolveAccount(deps.accounts, subject, input.request, { nowSeconds, mayAssumeNew: attempt.first })
  const keyHeld = deps.subjectKeys.recall(tenantId, subject.subjectHash) ?? deps.subjectKeys.get(tenantId, subject.subjectHash)
  const atHand = !(choosing instanceof Promise) && !(keyHeld instanceof Promise)
  const [choice, subjectKey] = atHand ? [choosing, keyHeld] : await Promise.all([choosing, keyHeld])
  if (!choice.ok) return choice
  const ceilingId = choice.kind === 'existing' ? choice.account.ceilingId : subject.agent.ceilingId
  const permission = ceilingId === subject.agent.ceilingId ? subject.agent.ceiling : await deps.ceilings.get(ceilingId)
  const asked = aimRequest(snapshot, subject.bounds ? withinProof(input.request, subject.bounds) : input.request)
  if ('ok' in asked) return asked
  const grant = deps.grants.evaluate(snapshot, subject.agent, { id: ceilingId, permission }, asked)
  if (!grant.ok) return grant
  const beyond = subject.bounds && denyBeyond(subject.bounds, grant)
  if (beyond) return beyond
  if (grant.resource.config.replay === 'challenge' && input.request.nonce === undefined)
    return deny(
      'malformed_request',
      'no_nonce',
      'Send nonce: this resource takes only tokens that carry the nonce of its own challenge.',
    )
  const account = choice.kind === 'existing' ? choice.account : newAccount(attempt, subject, choice)
  const terms = { subject, key, grant, account }
  const expiresSeconds = endOfToken(terms, input.request, nowSeconds)
  if (expiresSeconds <= nowSeconds || !isLive(account, nowSeconds))
    return deny('access_denied', 'nothing_left', 'Less than a second is left of the account or of the presented credentials.')
  const claimSecret = choice.kind === 'new' ? newClaimSecret(account.id) : ''
  return {
    claims: claimsOf(attempt, terms, expiresSeconds),
    binding: key.binding,
    dropped: grant.dropped,
    taskKey: account.taskKey,
    deadlineSeconds: account.deadlineSeconds,
    openingKey: choice.kind === 'existing' ? account.openingKey : null,
    opening:
      choice.kind === 'new'
        ? {
            row: { ...openingRow(account, claimSecret), limits: liveLimits(deps.quotas.limitsOf(snapshot, subject.agent)) },
            account,
            claimSecret,
          }
        : undefined,
    pin: pinName === undefined ? undefined : pinFor(deps, pinName, key, subject),
    subjectKey,
  }
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
}

function claimsOf(
  { snapshot, input, nowMs }: Attempt,
  { subject, key, grant, account }: Terms,
  expiresSeconds: number,
): Plan['claims'] {
  return {
    issuer: snapshot.tenant.issuer,
    configEpoch: snapshot.configEpoch,
    clientId: subject.agent.clientId,
    accountId: account.id,
    generation: account.generation,
    taskId: account.taskId,
    resource: grant.resource,
    granted: grant.granted,
    resourceHash: grant.resourceHash,
    key: grant.resource.config.enforces.includes('cnf') ? key.key : undefined,
    idJagAudience: input.request.idJagAudience,
    tokenId: newId('token', nowMs),
    issuedSeconds: Math.floor(nowMs / 1000),
    expiresSeconds,
  }
}

/** A token outlives nothing that it stands on: account, subject token, certificate, registration, resource. Seconds since the epoch. */
function endOfToken({ subject, key, grant, account }: Terms, request: ExchangeRequest, nowSeconds: number): number {
  const { ttlSeconds: askedSeconds, idJagAudience } = request
  const { resource } = grant
  const { token_ttl_seconds } = subject.agent.settings
  const most = idJagAudience === undefined ? Number.POSITIVE_INFINITY : idJagLongestSeconds
  const lifetime = Math.min(askedSeconds ?? token_ttl_seconds, token_ttl_seconds, resource.config.max_ttl_seconds, most)
  return Math.floor(Math.min(nowSeconds + lifetime, account.deadlineSeconds, subject.untilSeconds, key.notAfterSeconds))
}

function newAccount(
  { input, snapshot, nowMs }: Attempt,
  subject: VerifiedSubject,
  choice: Extract<AccountChoice, { kind: 'new' }>,
): Account {
  const nowSeconds = Math.floor(nowMs / 1000)
  return {
    id: newUuid(nowSeconds * 1000),
    tenantId: snapshot.tenant.id,
    agentId: subject.agent.id,
    taskKey: choice.taskKey,
    taskId: ownCopy(choice.taskId),
    state: 'a',
    generation: 1,
    deadlineSeconds: nowSeconds + subject.agent.settings.account_ttl_seconds,
    ceilingId: subject.agent.ceilingId,
    opener: subject.opener,
    openingKey: input.idempotencyKeyHash ?? null,
    rootId: null,
    readmitted: false,
  }
}

function openingRow(account: Account, claimSecret: string): Opening {
  return {
    id: account.id,
    tenant: account.tenantId,
    agent: account.agentId,
    task_key: account.taskKey,
    task_id: account.taskId,
    opener: account.opener,
    deadline: account.deadlineSeconds,
    ceiling: account.ceilingId,
    claim_hash: hashSecret(claimSecret).toString('hex'),
    opening_key: account.openingKey,
  }
}

function pinFor(deps: ExchangeDeps, pinName: string, key: KeyBinding, subject: VerifiedSubject): Pin | undefined {
  if (deps.pins.confirms(pinName, key.key)) return undefined
  return { token_hash: pinName, key: Pins.keyName(key.key), until: subject.expiresSeconds }
}

/** A piece of a request's text would keep the whole request in memory as long as the account is remembered. Task ids are ASCII. */
const ownCopy = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')

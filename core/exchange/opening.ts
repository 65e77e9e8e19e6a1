// The row of a new account, and what is remembered of it.

import type { Account } from '#core/account/account.ts'
import { openingRowOf } from '#core/account/opening-row.ts'
import type { Lineage } from '#core/delegation/lineage.ts'
import { lineageOf } from '#core/delegation/lineage.ts'
import { newUuid } from '#core/ids/id.ts'
import { newClaimSecret } from '#core/ids/secret.ts'
import { ownCopy } from '#core/memory/own-copy.ts'
import { liveLimits } from '#core/quota/live-limits.ts'
import type { VerifiedSubject } from '#core/subject/subject.ts'
import type { Opening as OpeningRow } from '#db/log/append.ts'
import type { Attempt } from './attempt.ts'
import type { AccountChoice } from './resolve-account.ts'
import type { ChildChoice } from './resolve-child.ts'

export interface PlannedOpening {
  readonly row: OpeningRow
  readonly account: Account
  /** Undefined: a child; nobody can claim it. */
  readonly claimSecret: string | undefined
  /** Undefined: a root. */
  readonly child: { readonly parent: Account; readonly lineage: Lineage } | undefined
}

type New = Extract<AccountChoice, { kind: 'new' }>

/** The account as it will be. */
export function newAccount({ input, snapshot, nowMs }: Attempt, subject: VerifiedSubject, choice: New | ChildChoice): Account {
  const nowSeconds = Math.floor(nowMs / 1000)
  const { agent, opener } = subject
  const longest = nowSeconds + agent.settings.account_ttl_seconds
  return {
    id: newUuid(nowSeconds * 1000),
    tenantId: snapshot.tenant.id,
    agentId: agent.id,
    taskKey: choice.taskKey,
    taskId: ownCopy(choice.taskId),
    state: 'a',
    generation: 1,
    deadlineSeconds: choice.kind === 'child' ? Math.floor(Math.min(longest, choice.untilSeconds)) : longest,
    ceilingId: choice.kind === 'child' ? choice.ceiling.id : agent.ceilingId,
    opener,
    // It is for a fresh claim secret, which a child has none of.
    openingKey: choice.kind === 'child' ? null : (input.idempotencyKeyHash ?? null),
    rootId: choice.kind === 'child' ? choice.lineage.root : null,
    readmitted: false,
  }
}

/** account: of `newAccount`. */
export function planOpening(
  { deps, snapshot, input }: Attempt,
  subject: VerifiedSubject,
  account: Account,
  choice: New | ChildChoice,
): PlannedOpening {
  const claimSecret = choice.kind === 'child' ? undefined : newClaimSecret(account.id)
  const limits = deps.quotas.limitsOf(snapshot, subject.agent)
  const row = {
    ...openingRowOf(account, claimSecret),
    ...liveLimits(limits, () => deps.quotas.scopeOfAddress(snapshot, input.address)),
    ...(choice.kind === 'child' && { lineage: choice.lineage }),
  }
  const child = choice.kind === 'child' ? { parent: choice.parent, lineage: lineageOf(account.id, choice.lineage) } : undefined
  return { row, account, claimSecret, child }
}

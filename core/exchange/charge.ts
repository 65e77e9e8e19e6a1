// What a request uses of its limits. A refusal here stands in no leaf of its own: whoever is over a limit could fill the log with
// them. They are counted by the second, like junk, and cost the neighbours on the same address nothing.

import { QuotaError } from '#core/quota/quota-error.ts'
import type { Taken } from '#core/quota/quotas.ts'
import type { VerifiedSubject } from '#core/subject/subject.ts'
import type { AppendOutcome } from '#db/log/append.ts'
import type { Attempt } from './attempt.ts'
import type { Plan } from './plan.ts'

/**
 * Takes what issuing needs; without a plan what a refusal needs, which costs its writer as much of the rates as a token. Nothing is
 * waited for while this process holds blocks of every limit. Throws QuotaError, and BrokerError `log_unavailable`.
 */
export function charge(attempt: Attempt, subject: VerifiedSubject, plan: Plan | undefined): Taken | Promise<Taken> {
  const { deps, input, snapshot } = attempt
  const taking = deps.quotas.take({
    snapshot,
    agent: subject.agent,
    address: input.address,
    opens: plan?.opening !== undefined,
    stranger: subject.stranger,
    account: plan && {
      id: plan.claims.accountId,
      parentId: plan.lineage?.parentId,
      quota: plan.lineage?.quota ?? undefined,
      ahead: subject.account !== undefined,
      units: plan.claims.resource.config.token_units ?? 0,
    },
  })
  return taking instanceof Promise ? taking.catch(error => refuse(attempt, error)) : taking
}

function refuse({ deps, snapshot }: Attempt, error: unknown): never {
  if (error instanceof QuotaError) deps.rejections.note(snapshot.tenant.id, error.code)
  throw error
}

/** What comes of units when nothing was written: the next attempt needs them. Who found no room for an account has used them. */
export function settle({ deps }: Attempt, taken: Taken, outcome: Exclude<AppendOutcome, 'appended'>): void {
  if (!outcome.endsWith('_full')) deps.quotas.giveBack(taken)
}

// A claimed account has no deadline; somebody looks after it instead. Where nobody does, because its owner left or let the
// review date pass, its agent is shut out until the owner lets it in again.

import { type ChangeDeps, changeAccounts } from '#core/account/change-accounts.ts'
import { readUnattended, type UnattendedClaim } from '#db/claim/claims.ts'
import type { Executor } from '#db/unscoped-db.ts'

export interface SuspendDeps extends ChangeDeps {
  /** Sees no tenant's rows; the function that is called looks across. */
  readonly db: Executor
}

const batch = 500

/** Suspends all that are due, in batches; returns how many were. Harmless to run at several places at once. nowMs: the database's clock. */
export async function suspendUnattended(deps: SuspendDeps, nowMs: number): Promise<number> {
  let suspended = 0
  for (;;) {
    const found = await readUnattended(deps.db, batch)
    const done = await suspend(deps, found, nowMs)
    suspended += done
    // Those that lost a race come again with the next call, so that this one ends.
    if (found.length < batch || done === 0) return suspended
  }
}

async function suspend(deps: ChangeDeps, found: readonly UnattendedClaim[], nowMs: number): Promise<number> {
  if (found.length === 0) return 0
  const proposals = found.map(({ reason, ...account }) => ({
    ...account,
    transition: 'suspend' as const,
    facts: { reason },
    outbox: { reason },
  }))
  const answers = await changeAccounts(deps, proposals, nowMs)
  return answers.filter(({ outcome }) => outcome === 'done').length
}

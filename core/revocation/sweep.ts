// Ends the accounts behind a revocation, batch by batch, each a commit. Their tokens died with the revocation; here the accounts do, so
// that nothing new comes of them and what is attached to them is taken down. Any number of processes may do it at once, and one may
// die at any moment: the row says how far it has come, and the commit lets each account end once.

import { type ChangeDeps, changeAccounts } from '#core/account/change-accounts.ts'
import { formatId } from '#core/ids/id.ts'
import type { Db } from '#db/connect.ts'
import { advanceSweep, readSweepBatch, type SweepBatch, type SweepName } from '#db/revocation/sweeps.ts'

export interface SweepingDeps extends ChangeDeps {
  readonly dbOf: (tenantId: string) => Db
  /** Accounts a commit, at most 500. */
  readonly batch?: number | undefined
  /** Ends it between two batches; somebody else goes on. */
  readonly signal?: AbortSignal | undefined
}

/** Until nothing is left; returns how many accounts ended here. Throws BrokerError `log_unavailable`; it can be called again. */
export async function sweepRevoked(deps: SweepingDeps, sweep: SweepName): Promise<number> {
  const { batch = 500, signal } = deps
  const db = deps.dbOf(sweep.tenantId)
  let total = 0
  while (signal?.aborted !== true) {
    const found = await readSweepBatch(db, sweep, batch)
    if (!found) return total
    const { accounts } = found
    const ended = await endAccounts(deps, sweep, found)
    total += ended
    const last = accounts.length < batch ? undefined : accounts.at(-1)
    await advanceSweep(db, sweep, { resumeAfter: last?.id ?? null, ended })
  }
  return total
}

async function endAccounts(
  deps: ChangeDeps,
  { id, tenantId }: SweepName,
  { accounts, facts, nowMs }: SweepBatch,
): Promise<number> {
  const because = { ...facts, revocation: formatId('revocation', id) }
  const proposals = accounts.map(account => ({
    accountId: account.id,
    tenantId,
    agentId: account.agentId,
    // Whatever became of it meanwhile is judged by its state alone: an earlier generation is no reason to let it live.
    generation: null,
    // Whose it is stays its owner; only the agent is shut out.
    transition: account.state === 'a' ? ('revoke' as const) : ('suspend' as const),
    facts: { ...because, reason: 'revoked' },
    outbox: { reason: 'revoked' },
    revocationId: id,
    by: because,
  }))
  if (proposals.length === 0) return 0
  const answers = await changeAccounts(deps, proposals, nowMs)
  return answers.filter(({ outcome }) => outcome === 'done').length
}

// Collecting. Expiry is a predicate at every use, so an account whose time is up is dead long before it is found here; what is
// done here is to say so in the log, to give its place back, and in the end to let its row go.
//
// Rows are the truth: each round looks what is due, in batches, until there is nothing. Any number of workers may do it at once,
// and one may die or stand still at any moment: it only proposes, the commit lets exactly one of them have its way.

import { type ChangeDeps, changeAccounts, type ProposedChange } from '#core/account/change-accounts.ts'
import type { CollectableAccount, DueAccount, EndedAccounts } from '#db/accounts/due.ts'

export interface SweepDeps extends ChangeDeps {
  readonly readDue: (fromDeadline: string, limit: number) => Promise<readonly DueAccount[]>
  readonly readEnded: (afterId: string, limit: number) => Promise<EndedAccounts>
  /** Told how late each account was when it was found. */
  readonly observeLateness?: ((lateMs: number) => void) | undefined
  /** Told of an account whose change the database refuses whatever the batch; the others go on. */
  readonly complain: (error: unknown, accountId: string) => void
  /** Accounts a commit, at most 500. */
  readonly batch?: number | undefined
}

export interface SweepRound {
  readonly expired: number
  readonly reaped: number
  /** Where the next round goes on with what is over. */
  readonly resumeAt: string
}

const firstDeadline = '-infinity'
export const firstId = '00000000-0000-0000-0000-000000000000'

/** So many accounts that wait for something outside are looked at in a round; the next one goes on behind them. */
const mostBlocked = 5_000

/** Expires what is due, then collects what is over. resumeAt: of the round before. Throws BrokerError `log_unavailable`. */
export async function sweepAccounts(deps: SweepDeps, resumeAt = firstId): Promise<SweepRound> {
  const expired = await expireDue(deps)
  return { expired, ...(await collectEnded(deps, resumeAt)) }
}

/** One batch after the other, each beginning where the last one ended; so it ends also while something cannot be changed. */
async function expireDue(deps: SweepDeps): Promise<number> {
  const { batch = 500 } = deps
  let expired = 0
  let last: DueAccount | undefined
  for (;;) {
    const accounts = await deps.readDue(last?.deadline ?? firstDeadline, batch)
    const changed = await changeAll(deps, accounts, account => ({
      ...changeOf(account),
      transition: 'expire',
      facts: { late_ms: Math.round(account.lateMs) },
      outbox: {},
    }))
    for (const { lateMs } of changed) deps.observeLateness?.(lateMs)
    expired += changed.length
    // What becomes due meanwhile is left to the next round: a batch with little in it costs a commit as well.
    if (accounts.length < batch) return expired
    // Where all that was found lies at one point and none of it moves, the next look would find the same.
    if (changed.length === 0 && last?.id === accounts.at(-1)!.id) return expired
    last = accounts.at(-1)
  }
}

async function collectEnded(deps: SweepDeps, from: string): Promise<Pick<SweepRound, 'reaped' | 'resumeAt'>> {
  const { batch = 500 } = deps
  let reaped = 0
  let looked = 0
  let after = from
  while (looked - reaped < mostBlocked) {
    const { accounts, seenTo } = await deps.readEnded(after, batch)
    const changed = await changeAll(deps, accounts, account => ({ ...changeOf(account), transition: 'reap', facts: {} }))
    reaped += changed.length
    if (seenTo === null) return { reaped, resumeAt: firstId }
    looked += batch
    after = seenTo
  }
  return { reaped, resumeAt: after }
}

const changeOf = ({ id, tenantId, agentId, generation }: CollectableAccount) => ({ accountId: id, tenantId, agentId, generation })

/** The accounts that were changed. A change that the database refuses as such is found by halving, so that it takes no other down. */
async function changeAll<Account extends CollectableAccount>(
  deps: SweepDeps,
  accounts: readonly Account[],
  propose: (account: Account) => ProposedChange,
): Promise<Account[]> {
  if (accounts.length === 0) return []
  try {
    const answers = await changeAccounts(deps, accounts.map(propose), accounts[0]!.nowMs)
    return accounts.filter((_, index) => answers[index]!.outcome === 'done')
  } catch (error) {
    if (!isFaultOfOneChange(error)) throw error
    if (accounts.length === 1) {
      deps.complain(error, accounts[0]!.id)
      return []
    }
    const half = accounts.length >> 1
    return [
      ...(await changeAll(deps, accounts.slice(0, half), propose)),
      ...(await changeAll(deps, accounts.slice(half), propose)),
    ]
  }
}

/** SQLSTATE classes 22 (data) and 23 (integrity), beneath the error that callers see. */
function isFaultOfOneChange(error: unknown): boolean {
  const code = ((error as { cause?: unknown }).cause as { code?: unknown } | undefined)?.code
  return typeof code === 'string' && /^2[23]...$/.test(code)
}

import { hash } from 'node:crypto'
import { formatUuid } from '#core/ids/id.ts'
import type { AccountRow } from '#db/accounts/read-accounts.ts'

/** A temporary account as last read. It may be stale: whether it is live is decided by the database at the commit. */
export type Account = AccountRow

/** The key under which an agent's task has its one account: the first 128 bits of SHA-256 over both, as a uuid. */
export function taskKey(agentId: string, taskId: string): string {
  return formatUuid(hash('sha256', `${agentId}\0${taskId}`, 'hex').slice(0, 32))
}

/**
 * Whether its agent may use it: active, or claimed by somebody who let the agent back in. Expiry is a predicate at every use, never
 * a job. Whether the ancestors of a child live is known at the commit only.
 */
export function isLive(account: Account, nowSeconds: number): boolean {
  const open = account.state === 'a' || (account.state === 'c' && account.readmitted)
  return open && account.deadlineSeconds > nowSeconds
}

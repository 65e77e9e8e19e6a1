import { hash } from 'node:crypto'
import { formatUuid } from '#core/ids/id.ts'
import type { AccountRow } from '#db/accounts/read-accounts.ts'

/** A temporary account as last read. It may be stale: whether it is live is decided by the database at the commit. */
export type Account = AccountRow

/** The key under which an agent's task has its one account: the first 128 bits of SHA-256 over both, as a uuid. */
export function taskKey(agentId: string, taskId: string): string {
  return formatUuid(hash('sha256', `${agentId}\0${taskId}`, 'hex').slice(0, 32))
}

/** Expiry is a predicate at every use, never a job. */
export function isLive(account: Account, nowSeconds: number): boolean {
  return account.state === 'a' && account.deadlineSeconds > nowSeconds
}

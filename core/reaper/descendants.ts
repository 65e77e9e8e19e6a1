import { type ChangeDeps, changeAccounts } from '#core/account/change-accounts.ts'
import { formatId } from '#core/ids/id.ts'
import type { CollectableAccount } from '#db/accounts/due.ts'

export interface DescendantsDeps extends ChangeDeps {
  readonly readDescendants: (accountId: string, limit: number) => Promise<readonly CollectableAccount[]>
}

const batch = 500

/**
 * Revokes the accounts below one that has ended or was claimed. They have been dead since that very commit, because liveness
 * looks at the ancestors; this says so of each in the log and gives its place back. Returns how many it was; harmless to repeat.
 */
export async function endDescendants(deps: DescendantsDeps, accountId: string): Promise<number> {
  let ended = 0
  for (;;) {
    const accounts = await deps.readDescendants(accountId, batch)
    if (accounts.length === 0) return ended
    const proposals = accounts.map(({ id, tenantId, agentId, generation }) => ({
      accountId: id,
      tenantId,
      agentId,
      generation,
      transition: 'revoke' as const,
      facts: { reason: 'ancestor_ended', ancestor: formatId('account', accountId) },
      outbox: { reason: 'ancestor_ended' },
    }))
    const answers = await changeAccounts(deps, proposals, accounts[0]!.nowMs)
    const changed = answers.filter(({ outcome }) => outcome === 'done').length
    ended += changed
    // Another worker has them, or their time is up by now.
    if (changed === 0) return ended
  }
}

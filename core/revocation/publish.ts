// What a revocation of something wider than an account writes, in the transaction that makes it: entries of the feed, and the order to
// end the accounts behind them.

import { formatId } from '#core/ids/id.ts'
import { revokedKeySeconds } from '#core/keys/rotation/times.ts'
import type { Trx } from '#db/connect.ts'
import { type PublishedRevocation, publishRevocations } from '#db/revocation/publish.ts'
import { insertSweep } from '#db/revocation/sweeps.ts'

/** Who revokes what. */
export interface RevocationHead {
  /** uuid */
  readonly id: string
  /** uuid */
  readonly tenantId: string
  readonly cause: PublishedRevocation['cause']
  /** Who, in random ids and words of ours (`actorFacts`). */
  readonly facts: Readonly<Record<string, unknown>>
  /** What was named, as it was: an agent's entries may be there because of its trust source. */
  readonly target: RevocationTarget
}

export interface RevocationTarget {
  readonly kind: 'token' | 'account' | 'agent' | 'trust_source' | 'key' | 'tenant'
  /** A wire id, or a `kid`. */
  readonly subject: string
}

/** What the feed keeps of who did it. */
export const revokedBy = ({ facts, target }: Pick<RevocationHead, 'facts' | 'target'>): object => ({ ...facts, target })

/**
 * Every token of these agents that was issued up to now is worth nothing. The transaction must raise the tenant's config epoch.
 * agents: uuids. trx: of the tenant.
 */
export function publishAgents(trx: Trx, head: RevocationHead, agents: readonly string[]): Promise<void> {
  const { id, tenantId, cause } = head
  const by = revokedBy(head)
  return publishRevocations(
    trx,
    agents.map(agent => ({ id, tenantId, kind: 'c', subject: formatId('agent', agent), least: null, cause, by })),
  )
}

/** The same, and their accounts end. */
export async function publishAgentsWithAccounts(trx: Trx, head: RevocationHead, agents: readonly string[]): Promise<void> {
  if (agents.length === 0) return
  await publishAgents(trx, head, agents)
  await insertSweep(trx, { id: head.id, tenantId: head.tenantId, agents, facts: head.facts })
}

/** Whatever these keys signed is worth nothing, or will sign in a thief's hands. nowMs: the database's clock. trx: of the tenant. */
export function publishKeys(trx: Trx, head: RevocationHead, kids: readonly string[], nowMs: number): Promise<void> {
  const { id, tenantId, cause } = head
  const by = revokedBy(head)
  const untilSeconds = Math.ceil(nowMs / 1000) + revokedKeySeconds
  return publishRevocations(
    trx,
    kids.map(kid => ({ id, tenantId, kind: 'k', subject: kid, least: null, untilSeconds, cause, by })),
  )
}

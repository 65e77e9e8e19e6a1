import { BrokerError } from '#core/errors/broker-error.ts'
import type { ClaimDeps } from './claim-deps.ts'
import { findTarget } from './resolve-secret.ts'

/** What whoever holds a claim secret, and nothing else, may know: never who claimed. */
export type ClaimStatus =
  | { readonly status: 'pending'; readonly expires_at: string }
  | { readonly status: 'claimed'; readonly claimed_at: string }

/**
 * For polling. Throws `claim_expired` in every state in which the secret can open nothing any more, whatever a worker has done
 * about it: completed, expired, revoked, closed, collected, refused, past the deadline, and never there.
 */
export async function readClaimStatus(deps: ClaimDeps, tenantId: string, secret: string): Promise<ClaimStatus> {
  const target = await findTarget(deps, tenantId, secret)
  if (!target || target.use === 'none') throw new BrokerError('claim_expired')
  const { row, use } = target
  if (use === 'open') return { status: 'pending', expires_at: new Date(row.deadlineMs).toISOString() }
  return { status: 'claimed', claimed_at: new Date(row.claimedMs!).toISOString() }
}

import { prepareEvent } from '#core/audit/event.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { sessionFacts } from '#core/operators/sign-in/console-session.ts'
import { dropClaimSecret } from '#db/claim/claims.ts'
import type { ClaimDeps } from './claim-deps.ts'
import { resolveSecret } from './resolve-secret.ts'
import type { Visitor } from './visitor.ts'

/** The link dies; the account goes on until its deadline. Throws as `resolveSecret`. nowMs: the database's clock. */
export async function refuseClaim(deps: ClaimDeps, visitor: Visitor, secret: string, nowMs: number): Promise<void> {
  const { row, secretHash } = await resolveSecret(deps, visitor, secret)
  const { tenantId, agentId, id: accountId } = row
  const facts = sessionFacts(visitor.session)
  const { leaf, body } = prepareEvent({ type: 'account.claim_refused', tenantId, agentId, accountId, facts }, nowMs)
  const dropped = await dropClaimSecret(deps.dbOf(tenantId), { tenantId, accountId, secretHash, leaf, body })
  if (!dropped) throw new BrokerError('claim_expired')
}

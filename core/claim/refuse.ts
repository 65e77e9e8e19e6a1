import { prepareEvent } from '#core/audit/event.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { type ConsoleSession, sessionFacts } from '#core/operators/sign-in/console-session.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { dropClaimSecret } from '#db/claim/claims.ts'
import type { ClaimDeps } from './claim-deps.ts'
import { resolveSecret } from './resolve-secret.ts'

/** The link dies; the account goes on until its deadline. Throws as `resolveSecret`. nowMs: the database's clock. */
export async function refuseClaim(
  deps: ClaimDeps,
  snapshot: TenantSnapshot,
  session: ConsoleSession,
  secret: string,
  nowMs: number,
): Promise<void> {
  const { row, secretHash } = await resolveSecret(deps, snapshot, session, secret)
  const { tenantId, agentId, id: accountId } = row
  const facts = sessionFacts(session)
  const { leaf, body } = prepareEvent({ type: 'account.claim_refused', tenantId, agentId, accountId, facts }, nowMs)
  const dropped = await dropClaimSecret(deps.dbOf(tenantId), { tenantId, accountId, secretHash, leaf, body })
  if (!dropped) throw new BrokerError('claim_expired')
}

import { prepareEvent } from '#core/audit/event.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { hashSecret, newClaimSecret } from '#core/ids/secret.ts'
import type { Attempt } from './attempt.ts'
import type { Plan } from './plan.ts'

/**
 * A caller that repeats the opening with the same Idempotency-Key may never have got its answer. It gets the same account
 * and a fresh claim secret; the earlier one, which someone else may have seen, no longer opens anything.
 * Undefined when this request is no such repetition.
 */
export function renewClaimSecret(attempt: Attempt, plan: Plan): Promise<string | undefined> | undefined {
  const isRepeated = plan.openingKey !== null && plan.openingKey === attempt.input.idempotencyKeyHash
  return isRepeated ? renew(attempt, plan.claims.accountId) : undefined
}

async function renew({ deps, snapshot, nowMs }: Attempt, accountId: string): Promise<string | undefined> {
  const tenantId = snapshot.tenant.id
  const { leaf, body } = prepareEvent({ type: 'account.claim_secret_renewed', tenantId, accountId, facts: {} }, nowMs)
  const secret = newClaimSecret(accountId)
  deps.failpoint?.('before-claim-renewal')
  const renewed = await deps
    .replaceClaimHash({ tenantId, accountId, claimHash: hashSecret(secret), leaf, body })
    .catch(cause => Promise.reject(new BrokerError('log_unavailable', { cause, retryAfterSeconds: 1 })))
  deps.failpoint?.('after-claim-renewal')
  return renewed ? secret : undefined
}

import { createHash } from 'node:crypto'
import { prepareEvent } from '#core/audit/event.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { parseId } from '#core/ids/id.ts'
import type { Principal } from '#core/operators/principal.ts'
import type { Clock } from '#core/time/clock.ts'
import type { NonceOutcome, NonceUse } from '#db/resource-use/consume-nonce.ts'

/** A nonce is remembered a little longer than its token could be accepted anywhere, and never longer than a day beyond now. */
const marginSeconds = 60
const longestSeconds = 86_400

export interface ConsumeRequest {
  readonly tokenId: string
  readonly nonce: string
  /** The token's `exp`, seconds since the epoch. */
  readonly expiresSeconds: number
}

/**
 * Uses up a token of a `once` resource, atomically and before any side effect: the first call wins.
 * Throws BrokerError `already_consumed` after it, `token_revoked` for one whose `jti` was revoked, `malformed_request` for a token
 * that has ended.
 */
export async function consumeToken(
  deps: { readonly clock: Clock; readonly consumeNonce: (use: NonceUse) => Promise<NonceOutcome> },
  principal: Principal & { readonly tenantId: string; readonly resourceId: string },
  request: ConsumeRequest,
): Promise<void> {
  const nowMs = deps.clock.nowMs()
  const nowSeconds = nowMs / 1000
  if (request.expiresSeconds <= nowSeconds) throw new BrokerError('malformed_request', { hint: 'The token has ended.' })
  if (parseId('token', request.tokenId) === undefined)
    throw new BrokerError('malformed_request', { hint: 'token_id must be the jti, at_….' })
  const { tenantId, resourceId } = principal
  const event = prepareEvent(
    { type: 'token.consumed', tenantId, tokenId: request.tokenId, facts: { resource: resourceId } },
    nowMs,
  )
  const outcome = await deps.consumeNonce({
    tenantId,
    tokenId: request.tokenId,
    resourceId,
    nonceHash: createHash('sha256').update(request.nonce).digest(),
    expiresSeconds: Math.min(request.expiresSeconds + marginSeconds, nowSeconds + longestSeconds),
    leaf: event.leaf,
    body: event.body,
  })
  if (outcome !== 'first') throw new BrokerError(outcome === 'revoked' ? 'token_revoked' : 'already_consumed')
}

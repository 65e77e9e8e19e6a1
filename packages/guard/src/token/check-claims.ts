// The checks that depend on nothing but the claims and the time (RFC 9068 § 4, RFC 7519 § 4.1). They run on every use, also
// when the token was seen before.

import type { Reason } from '../verdict.ts'
import type { TaskTokenClaims } from './claims.ts'

/** How far ahead `iat` and `nbf` may lie, in seconds (FAPI 2.0 § 5.3.2.1). `exp` gets no such leeway. */
const aheadSeconds = 10

/** Whether the token is of this time. `nowSeconds` may be fractional; `maxAgeSeconds` counts from `iat`. */
export function checkTime(claims: TaskTokenClaims, nowSeconds: number, maxAgeSeconds: number | undefined): Reason | undefined {
  // Each written so that a clock that gives no number refuses.
  if (!(nowSeconds < claims.exp)) return 'token_expired'
  if (!(claims.iat <= nowSeconds + aheadSeconds)) return 'token_from_the_future'
  if (claims.nbf !== undefined && !(claims.nbf <= nowSeconds + aheadSeconds)) return 'token_from_the_future'
  if (maxAgeSeconds !== undefined && !(nowSeconds - claims.iat <= maxAgeSeconds)) return 'token_too_old'
  return undefined
}

const plainTypes: readonly string[] = ['at+jwt', 'application/at+jwt']
const taskType = 'agent-task+jwt'

/**
 * Checks the header's `typ` (RFC 9068 § 4; RFC 7515 § 4.1.9: case does not matter). A token that asks for more than a stock
 * validator does, consuming or a nonce, must say so in its type: a stock validator would let it through unconsumed.
 */
export function checkType(typ: string, claims: TaskTokenClaims): Reason | undefined {
  const type = typ.toLowerCase()
  if (type === taskType) return undefined
  return plainTypes.includes(type) && claims.replay === 'pop' ? undefined : 'type_refused'
}

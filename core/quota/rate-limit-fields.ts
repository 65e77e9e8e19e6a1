// What an answer says of limits: `RateLimit-Policy` and `RateLimit`, structured fields (RFC 9651) as of
// draft-ietf-httpapi-ratelimit-headers. Names are those of the limits, which are tokens and need no escaping.

import { limitRows } from './limits.ts'
import type { Standing } from './quota-error.ts'

export type RateLimitFields = { readonly 'ratelimit-policy': string; readonly ratelimit: string }

/** undefined where there is nothing to say. */
export function rateLimitFields(standings: readonly Standing[]): RateLimitFields | undefined {
  if (standings.length === 0) return undefined
  return { 'ratelimit-policy': standings.map(policy).join(', '), ratelimit: standings.map(state).join(', ') }
}

function policy({ name, limit }: Standing): string {
  const { windowSeconds } = limitRows[name]
  return windowSeconds === 0 ? `"${name}";q=${limit}` : `"${name}";q=${limit};w=${windowSeconds}`
}

function state({ name, remaining, resetSeconds }: Standing): string {
  return resetSeconds === undefined ? `"${name}";r=${remaining}` : `"${name}";r=${remaining};t=${resetSeconds}`
}

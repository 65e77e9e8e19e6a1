// The one representation of what may be done: of an agent, an account, a policy's result, an approval, a token, an audit
// record. Always in normal form (`normalise.ts`); raw JSON becomes a Permission only through it.

import type { AuthorizationDetail } from './types.ts'

export type { AuthorizationDetail } from './types.ts'

/**
 * `details`: RFC 9396 entries, each in normal form, without duplicates, sorted by canonical JSON.
 * `scopes`: RFC 6749 scope tokens, without duplicates, sorted by UTF-16 code unit.
 * The two are granted beside each other: neither limits the other.
 */
export interface Permission {
  readonly details: readonly AuthorizationDetail[]
  readonly scopes: readonly string[]
}

export const nothing: Permission = Object.freeze({ details: Object.freeze([]), scopes: Object.freeze([]) })

// effective = requested ∩ every ceiling. Nothing is ever computed that was not asked for: an entry is granted whole or not at
// all. Asking for more than a ceiling allows is an error; a caller that allows narrowing has such entries dropped instead.

import { describeDetail } from './describe.ts'
import { type AuthorizationDetail, nothing, type Permission } from './permission.ts'
import { plain, quote } from './quote.ts'
import { detailWithinAny } from './subset.ts'

/** `name` appears in reasons that the client reads: 'the agent', 'the account', 'the policy'. */
export interface Ceiling {
  readonly name: string
  readonly permission: Permission
}

/** `dropped` is empty unless narrowing was allowed. `empty`: nothing was asked for, or nothing of it is left. */
export type Effective =
  | { readonly ok: true; readonly granted: Permission; readonly dropped: Permission }
  | { readonly ok: false; readonly problem: 'scope' | 'details' | 'empty'; readonly reason: string }

/**
 * What of a request (in normal form) may be granted under all ceilings (RFC 9396 § 5, RFC 6749 § 3.3).
 *
 * Throws without a ceiling: an intersection of nothing would grant everything. Reasons fit `error_description`.
 */
export function computeEffective(input: {
  readonly requested: Permission
  readonly ceilings: readonly Ceiling[]
  readonly allowNarrowing: boolean
}): Effective {
  const { requested, ceilings, allowNarrowing } = input
  if (ceilings.length === 0) throw new RangeError('at least one ceiling is needed')
  if (isEmpty(requested))
    return { ok: false, problem: 'empty', reason: 'Name at least one scope or authorization_details entry.' }
  const wideScope = requested.scopes.find(scope => !isScopeWithin(scope, ceilings))
  const wideDetail = requested.details.find(detail => !isDetailWithin(detail, ceilings))
  if (wideScope === undefined && wideDetail === undefined) return { ok: true, granted: requested, dropped: nothing }
  if (allowNarrowing) return narrow(requested, ceilings)
  if (wideDetail !== undefined) return { ok: false, problem: 'details', reason: explainDetail(wideDetail, ceilings) }
  return { ok: false, problem: 'scope', reason: explainScope(wideScope!, ceilings) }
}

function narrow(requested: Permission, ceilings: readonly Ceiling[]): Effective {
  const granted: Permission = {
    details: requested.details.filter(detail => isDetailWithin(detail, ceilings)),
    scopes: requested.scopes.filter(scope => isScopeWithin(scope, ceilings)),
  }
  if (!isEmpty(granted)) {
    const dropped: Permission = {
      details: requested.details.filter(detail => !granted.details.includes(detail)),
      scopes: requested.scopes.filter(scope => !granted.scopes.includes(scope)),
    }
    return { ok: true, granted, dropped }
  }
  const [detail] = requested.details
  const example = detail === undefined ? explainScope(requested.scopes[0]!, ceilings) : explainDetail(detail, ceilings)
  return { ok: false, problem: 'empty', reason: `Nothing is left after narrowing. ${example}` }
}

const isEmpty = (permission: Permission): boolean => permission.details.length === 0 && permission.scopes.length === 0

function isDetailWithin(detail: AuthorizationDetail, ceilings: readonly Ceiling[]): boolean {
  for (const { permission } of ceilings) if (!detailWithinAny(detail, permission.details)) return false
  return true
}

function isScopeWithin(scope: string, ceilings: readonly Ceiling[]): boolean {
  for (const { permission } of ceilings) if (!permission.scopes.includes(scope)) return false
  return true
}

const MAX_DESCRIBED = 300

/** Names the entry by what it means, not by position: the caller's order was lost in the normal form. */
function explainDetail(detail: AuthorizationDetail, ceilings: readonly Ceiling[]): string {
  const ceiling = ceilings.find(({ permission }) => !detailWithinAny(detail, permission.details))!
  const sentence = describeDetail(detail)
  const entry = plain(sentence.length > MAX_DESCRIBED ? `${sentence.slice(0, MAX_DESCRIBED)}...` : sentence)
  const hasType = ceiling.permission.details.some(other => other.type === detail.type)
  const why = hasType ? `no one ${detail.type} entry there covers all of it` : `it has no ${detail.type} entry`
  return `The entry '${entry}' is not within the ceiling of ${plain(ceiling.name)}: ${why}.`
}

function explainScope(scope: string, ceilings: readonly Ceiling[]): string {
  const ceiling = ceilings.find(({ permission }) => !permission.scopes.includes(scope))!
  return `The scope ${quote(scope)} is not within the ceiling of ${plain(ceiling.name)}.`
}

// Narrower or equal. An entry is within a permission only when ONE entry there holds all of it: what two entries hold
// together is never put together, so the answer is cheap, explainable and never too wide.

import type { AuthorizationDetail, Permission } from './permission.ts'
import { isSortedSubset } from './sorted-list.ts'
import { findPermissionType } from './types.ts'

/** Whether whoever holds `b` may hold `a`. Different or unknown types: no. */
export function detailWithin(a: AuthorizationDetail, b: AuthorizationDetail): boolean {
  return a.type === b.type && (a === b || (findPermissionType(a.type)?.subset(a, b) ?? false))
}

/** Whether some one entry of `b` holds all of `a`. */
export function detailWithinAny(a: AuthorizationDetail, b: readonly AuthorizationDetail[]): boolean {
  for (const entry of b) if (detailWithin(a, entry)) return true
  return false
}

/** Whether every entry of `a` is within some one entry of `b`, and every scope of `a` is a scope of `b`. */
export function permissionWithin(a: Permission, b: Permission): boolean {
  if (a === b) return true
  return isSortedSubset(a.scopes, b.scopes) && a.details.every(detail => detailWithinAny(detail, b.details))
}

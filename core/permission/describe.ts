// Permissions as sentences, for approvers, claimers and the audit log. They say everything that the entry says.

import type { AuthorizationDetail, Permission } from './permission.ts'
import { findPermissionType } from './types.ts'

/** One sentence without a full stop. Plain text: escape it for HTML where it is shown. */
export function describeDetail(detail: AuthorizationDetail): string {
  return findPermissionType(detail.type)?.describe(detail) ?? `Use an unknown permission type ${detail.type}`
}

/** One sentence for each entry, then one for the scopes. */
export function describePermission(permission: Permission): readonly string[] {
  const { details, scopes } = permission
  const sentences = details.map(describeDetail)
  if (scopes.length === 0) return sentences
  return [...sentences, `Hold the ${scopes.length > 1 ? 'scopes' : 'scope'} ${scopes.join(', ')}`]
}

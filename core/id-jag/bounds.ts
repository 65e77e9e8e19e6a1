import type { Permission } from '#core/permission/permission.ts'
import { permissionWithin } from '#core/permission/subset.ts'
import type { ProofBounds } from '#core/subject/subject.ts'

/**
 * What of a request goes beyond the assertion that it rests on: `target` for `invalid_target`, `permission` for `invalid_scope`
 * or `invalid_authorization_details`; undefined when nothing does. resource: the one that is asked for.
 */
export function findBeyond(bounds: ProofBounds, resource: string, requested: Permission): 'target' | 'permission' | undefined {
  if (bounds.resources !== undefined && !bounds.resources.includes(resource)) return 'target'
  return bounds.permission === undefined || permissionWithin(requested, bounds.permission) ? undefined : 'permission'
}

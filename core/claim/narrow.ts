import { BrokerError } from '#core/errors/broker-error.ts'
import { refuseProblems } from '#core/errors/validation-error.ts'
import { normalisePermission } from '#core/permission/normalise.ts'
import type { Permission } from '#core/permission/permission.ts'
import { permissionWithin } from '#core/permission/subset.ts'

/** What a claimer keeps of an account's permissions; lists as on the wire. */
export interface Keep {
  readonly scopes?: readonly string[]
  readonly authorization_details?: readonly unknown[]
}

/**
 * The ceiling that is kept, in normal form; undefined: all of it. A claimer may narrow, never widen, and cannot keep nothing: who
 * wants that does not let the agent back in. Throws ValidationError that points below `/keep`.
 */
export function narrowCeiling(ceiling: Permission, keep: Keep | undefined): Permission | undefined {
  if (keep === undefined) return undefined
  const kept = normalisePermission({ details: keep.authorization_details ?? [], scopes: keep.scopes ?? [] })
  if (!kept.ok) throw new BrokerError('malformed_request', { hint: `In keep: ${kept.reason}.` })
  const { value } = kept
  const empty = value.details.length + value.scopes.length === 0
  refuseProblems([
    ...(empty ? [{ pointer: '/keep', detail: 'Keep at least one, or do not let the agent back in.' }] : []),
    ...(permissionWithin(value, ceiling)
      ? []
      : [{ pointer: '/keep', detail: 'This goes beyond what the account may be granted.' }]),
  ])
  return permissionWithin(ceiling, value) ? undefined : value
}

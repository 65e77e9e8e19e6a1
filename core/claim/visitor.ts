import type { ConsoleSession } from '#core/operators/sign-in/console-session.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'

/** Somebody who is signed in at a tenant, and that tenant as it is now. */
export interface Visitor {
  readonly snapshot: TenantSnapshot
  /** Of that same tenant. */
  readonly session: ConsoleSession
}

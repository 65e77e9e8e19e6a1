import { formatId } from '#core/ids/id.ts'

/** DESIGN § 10. `platform-admin` belongs to no tenant, each other role to one. */
export const operatorRoles = ['platform-admin', 'tenant-admin', 'policy-author', 'approver', 'auditor'] as const
export type OperatorRole = (typeof operatorRoles)[number]
export type Role = OperatorRole | 'resource'

/** Who calls `/v1`, as its credential says. */
export interface Principal {
  /** uuid */
  readonly credentialId: string
  readonly role: Role
  /** uuid; null: the whole deployment. */
  readonly tenantId: string | null
  /** uuid of the one resource that a `resource` credential speaks for. */
  readonly resourceId: string | undefined
}

/** How audit events name who did it. */
export function actorFacts(principal: Principal): { readonly actor: string; readonly actor_role: Role } {
  return { actor: formatId('credential', principal.credentialId), actor_role: principal.role }
}

import type { ActorFacts } from '#core/audit/catalogue/fields.ts'
import { formatId } from '#core/ids/id.ts'

/** DESIGN § 10. `platform-admin` belongs to no tenant, each other role to one. `orchestrator` has to do with accounts alone. */
export const operatorRoles = ['platform-admin', 'tenant-admin', 'policy-author', 'approver', 'auditor', 'orchestrator'] as const
export type OperatorRole = (typeof operatorRoles)[number]
export type Role = OperatorRole | 'resource'

/** Somebody who signed in: known by issuer and subject, never by name or address. */
export interface Person {
  /** uuid; the only name under which the log knows anyone. */
  readonly id: string
  /** uuid of the tenant at whose provider it signed in; null: at one of the deployment's own. */
  readonly tenantId: string | null
  readonly issuer: string
  readonly subject: string
  /** To be shown, nothing else. */
  readonly name: string | undefined
}

/** Who calls `/v1`, as its credential says. */
export interface Principal {
  /** uuid */
  readonly credentialId: string
  readonly role: Role
  /** uuid; null: the whole deployment. */
  readonly tenantId: string | null
  /** uuid of the one resource that a `resource` credential speaks for. */
  readonly resourceId: string | undefined
  /** Who signed in, or made this token; undefined: a token that nobody made who had signed in. */
  readonly person?: Person | undefined
  /** While a change is applied that waited for somebody else: who let it pass. uuids. */
  readonly approval?: { readonly changeId: string; readonly credentialId: string; readonly personId: string | undefined }
}

/** Whether both are one human being: the same subject of the same issuer, at whichever provider and in whichever tenant. */
export const isSamePerson = (a: Pick<Person, 'issuer' | 'subject'>, b: Pick<Person, 'issuer' | 'subject'>): boolean =>
  a.issuer === b.issuer && a.subject === b.subject

/** How audit events name who did it: random ids only, so that whoever is forgotten elsewhere is nobody here. */
export function actorFacts(principal: Principal): ActorFacts {
  const { approval, person } = principal
  return {
    actor: formatId('credential', principal.credentialId),
    actor_role: principal.role,
    ...(person && { actor_person: formatId('person', person.id) }),
    ...(approval && {
      change: formatId('change', approval.changeId),
      approved_by: formatId('credential', approval.credentialId),
      ...(approval.personId !== undefined && { approved_by_person: formatId('person', approval.personId) }),
    }),
  }
}

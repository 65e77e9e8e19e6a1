// Who may claim the accounts of an agent: a member of its registration. Nobody, unless it names somebody.

import type { ValidationProblem } from '#core/errors/validation-error.ts'
import { parseId } from '#core/ids/id.ts'
import type { Person } from '#core/operators/principal.ts'

/**
 * Every member that is given must fit: the provider through which the person signed in, one of its groups there, the person
 * itself. Left out, or without a member: nobody may.
 */
export interface ClaimableBy {
  /** `idp_…`; a tenant's own. */
  readonly providers?: readonly string[]
  /** Compared byte for byte. */
  readonly groups?: readonly string[]
  /** People by issuer and subject, never by name or address. */
  readonly subjects?: readonly { readonly issuer: string; readonly subject: string }[]
}

/** Somebody who signed in. providerId: uuid. groups: those that the provider named at the sign-in. */
export interface Claimer {
  readonly person: Pick<Person, 'issuer' | 'subject'>
  readonly providerId: string
  readonly groups: readonly string[]
}

export function mayClaim(rule: ClaimableBy | undefined, { person, providerId, groups }: Claimer): boolean {
  if (rule === undefined) return false
  const { providers, groups: wanted, subjects } = rule
  if (providers === undefined && wanted === undefined && subjects === undefined) return false
  if (providers && !providers.some(id => parseId('signInProvider', id) === providerId)) return false
  if (wanted && !wanted.some(group => groups.includes(group))) return false
  return !subjects || subjects.some(({ issuer, subject }) => issuer === person.issuer && subject === person.subject)
}

/** What is wrong with a rule whose form is right; pointers begin at it. */
export function findClaimableByFaults(rule: ClaimableBy): ValidationProblem[] {
  if (Object.values(rule).some(member => member !== undefined)) return []
  return [{ pointer: '', detail: 'Name providers, groups or subjects; leave claimable_by out where nobody may claim.' }]
}

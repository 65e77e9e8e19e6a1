// Who can sign in here: one entry per role of the product, named after the role. Any other name can be typed, and is in no
// group.

export interface Person {
  /** Becomes `sub`. */
  id: string
  name: string
  /** What the sign-in page says about it. */
  can: string
  groups: string[]
}

export const defaultPeople: readonly Person[] = [
  { id: 'operator', name: 'Operator', can: 'registers agents, resources and trust sources', groups: ['mayfly-admins'] },
  { id: 'second-operator', name: 'Second operator', can: 'does the same, where it takes two', groups: ['mayfly-admins'] },
  { id: 'approver', name: 'Approver', can: 'approves what waits for a second person', groups: ['mayfly-approvers'] },
  { id: 'claimer', name: 'Claimer', can: 'takes over an account that an agent opened', groups: ['mayfly-claimers'] },
  { id: 'auditor', name: 'Auditor', can: 'reads the log, nothing else', groups: ['mayfly-auditors'] },
]

/** Lower-case letters, digits, dots, dashes and underscores, at most 40, beginning with a letter. */
const personId = /^[a-z][a-z0-9._-]{0,39}$/

/** The person of that id; one made up on the spot when the id is well-formed; else undefined. */
export function findPerson(people: readonly Person[], id: string): Person | undefined {
  const known = people.find(person => person.id === id)
  if (known) return known
  return personId.test(id) ? { id, name: id, can: '', groups: [] } : undefined
}

/** The OpenID claims of a person (OpenID Connect Core § 5.1). The address is one that can never receive mail (RFC 2606). */
export function toClaims(person: Person): { sub: string; [claim: string]: unknown } {
  return {
    sub: person.id,
    name: person.name,
    preferred_username: person.id,
    email: `${person.id}@idp.invalid`,
    email_verified: true,
    groups: person.groups,
  }
}

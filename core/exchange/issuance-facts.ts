// The private facts of an issuance are the same for every token that an account gets for one grant from one address. They
// are sealed once and the sealed form is used again: encrypting costs more than all other work on an event. Two events that
// share it were linked by their account before, so nothing is told that was not.

import { LRUCache } from 'lru-cache'
import { type SealedFacts, type SubjectKey, sealFacts } from '#core/audit/event.ts'
import type { VerifiedSubject } from '#core/subject/subject.ts'
import type { ClaimsInput } from './claims.ts'

export class IssuanceFacts {
  readonly #sealed = new LRUCache<string, SealedFacts>({ max: 10_000 })

  /** address: of the connection. */
  seal(subjectKey: SubjectKey, subject: VerifiedSubject, claimed: Omit<ClaimsInput, 'nonce'>, address: string): SealedFacts {
    // The hash stands for resource, details and scope; the account for the task and, with the key, for the subject.
    const name = `${subjectKey.id} ${claimed.accountId} ${claimed.resourceHash} ${address}`
    const known = this.#sealed.get(name)
    if (known) return known
    const sealed = sealFacts(subjectKey, {
      address,
      authorization_details: claimed.granted.details,
      issuer: subject.foreign.issuer,
      resource_hash: claimed.resourceHash,
      scope: claimed.granted.scopes,
      subject: subject.foreign.subject,
      task_id: claimed.taskId,
    })
    this.#sealed.set(name, sealed)
    return sealed
  }
}

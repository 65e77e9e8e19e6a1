// What every token has in common that an account gets for one grant with one key from one address: the private facts of its
// event and most of its claims. Made once and used again, since encrypting and serialising cost more than all other work on
// a token. Two events that share their sealed facts were linked by their account before, so nothing is told that was not.

import { type SealedFacts, type SubjectKey, sealFacts } from '#core/audit/event.ts'
import { GenerationCache } from '#core/memory/generation-cache.ts'
import type { VerifiedSubject } from '#core/subject/subject.ts'
import { type ClaimsFrame, type ClaimsInput, frameClaims } from './claims.ts'

export interface IssuanceFrame {
  readonly facts: SealedFacts
  readonly claims: ClaimsFrame
}

export class IssuanceFrames {
  readonly #frames = new GenerationCache<string, IssuanceFrame>(10_000)

  /** address: of the connection. */
  get(subjectKey: SubjectKey, subject: VerifiedSubject, claimed: Omit<ClaimsInput, 'nonce'>, address: string): IssuanceFrame {
    // The hash stands for issuer, resource, details and scope; the account for agent and task and, with the key, for the
    // subject; the config epoch for whatever else the registry says.
    const grant = `${claimed.configEpoch} ${claimed.resourceHash} ${claimed.thumbprint}`
    const name = `${subjectKey.id} ${claimed.accountId} ${grant} ${address}`
    let frame = this.#frames.get(name)
    if (!frame) {
      frame = { facts: sealIssuance(subjectKey, subject, claimed, address), claims: frameClaims(claimed) }
      this.#frames.set(name, frame)
    }
    return frame
  }
}

function sealIssuance(
  subjectKey: SubjectKey,
  subject: VerifiedSubject,
  claimed: Omit<ClaimsInput, 'nonce'>,
  address: string,
): SealedFacts {
  return sealFacts(subjectKey, {
    address,
    authorization_details: claimed.granted.details,
    issuer: subject.foreign.issuer,
    resource_hash: claimed.resourceHash,
    scope: claimed.granted.scopes,
    subject: subject.foreign.subject,
    task_id: claimed.taskId,
  })
}

// What every token has in common that an account gets for one grant with one key from one address: the private facts of its
// event and most of its claims. Made once and used again, since encrypting and serialising cost more than all other work on
// a token. Two events that share their sealed facts were linked by their account before, so nothing is told that was not.

import { type SealedFacts, type SubjectKey, sealFacts } from '#core/audit/event.ts'
import { GenerationCache } from '#core/memory/generation-cache.ts'
import { isSameKey } from '#core/subject/bound-key.ts'
import type { VerifiedSubject } from '#core/subject/subject.ts'
import { type ClaimsFrame, type ClaimsInput, frameClaims } from './claims.ts'

type Claimed = Omit<ClaimsInput, 'nonce'>

/**
 * All that a frame follows from, beside its account. The hash stands for issuer, resource, details and scope; the account for
 * agent and task and, with the key, for the subject; the config epoch for whatever else the registry says.
 */
interface Origin extends Pick<Claimed, 'configEpoch' | 'resourceHash' | 'key'> {
  readonly subjectKeyId: string
  /** Of the connection. */
  readonly address: string
}

export interface IssuanceFrame {
  readonly facts: SealedFacts
  readonly claims: ClaimsFrame
}

/** How many are kept for an account; few agents ask for more resources in turn. */
const framesPerAccount = 4

export class IssuanceFrames {
  readonly #byAccount = new GenerationCache<string, readonly (IssuanceFrame & Origin)[]>(10_000)

  /** address: of the connection. */
  get(subjectKey: SubjectKey, subject: VerifiedSubject, claimed: Claimed, address: string): IssuanceFrame {
    const { configEpoch, resourceHash, key, accountId } = claimed
    const known = this.#byAccount.get(accountId)
    const found = known?.find(
      frame =>
        frame.configEpoch === configEpoch &&
        frame.resourceHash === resourceHash &&
        isSameKey(frame.key, key) &&
        frame.subjectKeyId === subjectKey.id &&
        frame.address === address,
    )
    if (found) return found
    const facts = sealIssuance(subjectKey, subject, claimed, address)
    const origin = { configEpoch, resourceHash, key, subjectKeyId: subjectKey.id, address }
    const frame = { facts, claims: frameClaims(claimed), ...origin }
    this.#byAccount.set(accountId, [frame, ...(known ?? [])].slice(0, framesPerAccount))
    return frame
  }
}

function sealIssuance(subjectKey: SubjectKey, subject: VerifiedSubject, claimed: Claimed, address: string): SealedFacts {
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

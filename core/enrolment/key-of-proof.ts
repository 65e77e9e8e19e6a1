// Which key a workload's token may be enrolled with. A stolen one with the thief's own key must get nothing: one that is bound to
// a key is good for that key, any other belongs to the first key that used it, as at the token endpoint.

import { Pins } from '#core/exchange/pins.ts'
import type { Pin } from '#db/log/append.ts'
import type { EnrolCaller } from './enrol-request.ts'
import type { Enrollee } from './enrollee.ts'
import type { SigningRequest } from './read-csr.ts'

/** caller: its certificate counts as a proven key. */
export function findKeyFault(
  enrollee: Enrollee,
  { certificate }: EnrolCaller,
  { thumbprint }: SigningRequest,
): { readonly reason: string; readonly hint: string } | undefined {
  const bound = enrollee.by === 'subject_token' ? enrollee.subject.boundKey : undefined
  if (!bound || bound.thumbprint === (bound.kind === 'jkt' ? thumbprint : certificate?.thumbprint)) return undefined
  return { reason: 'other_key', hint: 'The subject token is bound to another key than the one of the request.' }
}

/** To be written with the issuance; null where the proof needs none. */
export function pinOf(enrollee: Enrollee, { thumbprint }: SigningRequest): Pin | null {
  if (enrollee.by !== 'subject_token' || enrollee.subject.boundKey) return null
  const { token, subject } = enrollee
  return { token_hash: Pins.nameOf(token), key: Pins.keyName({ kind: 'jkt', thumbprint }), until: subject.expiresSeconds }
}

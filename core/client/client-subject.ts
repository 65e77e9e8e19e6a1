import type { PinnedKey } from '#core/subject/pinned-key.ts'
import { hashList, type VerifiedSubject } from '#core/subject/subject.ts'

/**
 * The client itself as the subject (RFC 6749 § 4.4), proven by a key of its registration. Such a key has no end of its own: the
 * token ends with its account, registration or resource.
 */
export function clientSubject({ agent, trustSourceId, thumbprint }: PinnedKey): VerifiedSubject {
  const issuer = `key:${trustSourceId}`
  return {
    agent,
    trustSourceId,
    foreign: { issuer, subject: thumbprint },
    subjectHash: hashList([issuer, thumbprint]),
    opener: hashList([issuer, thumbprint]),
    derivedTaskId: undefined,
    untilSeconds: Number.POSITIVE_INFINITY,
    expiresSeconds: Number.POSITIVE_INFINITY,
    boundKey: undefined,
    byCertificate: false,
  }
}

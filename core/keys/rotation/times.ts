// How long a key stays in each state, and why.
//
//   publish ──ahead──▶ activate ──life──▶ (the next key activates) ──retiring──▶ retire
//
// A key is published `ahead` of its first signature, so that whoever verifies knows it by then, and stays published until
// the last token that it signed has ended, so that no good token is refused.

import type { DueTimes, KeyState } from '#db/keys/key-rows.ts'

export type RotationTimes = DueTimes

/** Longest `exp - iat` of any token that a tenant's keys sign. Registration allows no more to an agent or a resource. */
export const longestTokenSeconds = 3600

/** How long a guard goes on with a key set that it read before (`packages/guard`, `refuseAfterMs`); the longest of its times. */
const guardKeySetSeconds = 3600
/** How long HTTP caches may hold the key set (`cache-control` of `/jwks`), and a broker may not have heard of a change. */
const onTheWaySeconds = 60 + 60
/** What a commit, a clock and a stopped process may add. See `limitIdleTime`. */
const marginSeconds = 300

/**
 * For how long after its revocation somebody may still take a key for good: a guard that has the key set from before, which it got from
 * a cache. What a thief signs with it ends when the thief likes, so no token's life says when the revocation may be forgotten.
 */
export const revokedKeySeconds = guardKeySetSeconds + onTheWaySeconds + marginSeconds

export const defaultSigningKeyDays = 90
export const signingKeyDays = { least: 1, most: 3650 } as const

/** Times of signing keys. days: how long a key signs. */
export function signingKeyTimes(days: number = defaultSigningKeyDays): RotationTimes {
  return {
    lifeSeconds: days * 86_400,
    aheadSeconds: guardKeySetSeconds + onTheWaySeconds,
    retiringSeconds: longestTokenSeconds + marginSeconds,
  }
}

/** Longest life of a certificate of the built-in CA, which registration allows no agent to exceed. */
export const longestCertificateSeconds = 86_400

/**
 * Times of CA keys. The broker trusts a new one at once; `ahead` is for those who copied the CA's certificates elsewhere. It
 * is retired when the last certificate that it signed has ended.
 */
export const caKeyTimes: RotationTimes = {
  lifeSeconds: 365 * 86_400,
  aheadSeconds: 7 * 86_400,
  retiringSeconds: longestCertificateSeconds + marginSeconds,
}

export interface NextStep {
  readonly step: 'publish_successor' | 'activate' | 'stop_signing' | 'retire'
  /** Milliseconds since the epoch. A time that is past means: with the worker's next round. */
  readonly atMs: number
}

/** What happens next to a key without anybody's doing; undefined: nothing. successor: `state_since` of the key that is `next`, if any. */
export function nextStep(
  key: { readonly state: KeyState; readonly sinceMs: number },
  times: RotationTimes,
  successorSinceMs?: number,
): NextStep | undefined {
  switch (key.state) {
    case 'next':
      return { step: 'activate', atMs: key.sinceMs + times.aheadSeconds * 1000 }
    case 'active':
      if (successorSinceMs !== undefined) return { step: 'stop_signing', atMs: successorSinceMs + times.aheadSeconds * 1000 }
      return { step: 'publish_successor', atMs: key.sinceMs + (times.lifeSeconds - times.aheadSeconds) * 1000 }
    case 'retiring':
      return { step: 'retire', atMs: key.sinceMs + times.retiringSeconds * 1000 }
    case 'retired':
      return undefined
    default:
      return key.state satisfies never
  }
}

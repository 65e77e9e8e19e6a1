import { leewaySeconds } from '#core/time/leeway-seconds.ts'
import { refuse, type SubjectRefusal } from './subject.ts'

/** The end of the year 9999: what lies behind it is no date, and the database could not remember it. */
const latestSeconds = 253_402_300_799

/** What a kind of proof demands of its times, beside `exp`, which each must have. */
export interface TimeRules {
  readonly iat: 'required' | 'optional'
  /** Older by `iat` is refused even if `exp` is later. Seconds. */
  readonly maxAgeSeconds?: number
  /** `exp` lies at most so far ahead of now, and of `iat`. Seconds. */
  readonly maxLifeSeconds?: number
}

export type ProofTimes = { readonly ok: true; readonly untilSeconds: number; readonly expiresSeconds: number } | SubjectRefusal

/** RFC 7519 §§ 4.1.4–6, on the database's clock. untilSeconds: from when on the proof is refused. */
export function checkProofTimes(claims: Readonly<Record<string, unknown>>, rules: TimeRules, nowSeconds: number): ProofTimes {
  const { exp, iat, nbf } = claims
  const { maxAgeSeconds = Number.POSITIVE_INFINITY, maxLifeSeconds = Number.POSITIVE_INFINITY } = rules
  if (typeof exp !== 'number') return refuse('missing_claim', 'It has no exp.')
  if (typeof iat !== 'number' && (iat !== undefined || rules.iat === 'required')) return refuse('missing_claim', 'It has no iat.')
  if (exp <= nowSeconds) return refuse('expired', 'It has expired.')
  const issued = iat ?? nowSeconds
  if (issued > nowSeconds + leewaySeconds) return refuse('issued_in_future', 'Its iat lies in the future.')
  if (nbf !== undefined && (typeof nbf !== 'number' || nbf > nowSeconds + leewaySeconds))
    return refuse('not_yet_valid', 'It is not valid yet.')
  if (issued + maxAgeSeconds <= nowSeconds) return refuse('too_old', 'It was issued too long ago for this trust source.')
  if (exp > latestSeconds) return refuse('missing_claim', 'It has no exp that is a date.')
  if (exp - Math.min(issued, nowSeconds) > maxLifeSeconds)
    return refuse('lives_too_long', `It may live for ${maxLifeSeconds} seconds at most.`)
  return { ok: true, untilSeconds: Math.min(exp, issued + maxAgeSeconds), expiresSeconds: exp }
}

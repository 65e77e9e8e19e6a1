import { BrokerError } from '#core/errors/broker-error.ts'
import type { ErrorCode } from '#core/errors/codes.ts'

/**
 * A refusal, as a value: what the client is told (`code`, `hint`) and why in fixed words for log and counters (`reason`).
 * A verified subject's denial becomes an event of the log; an unverified one is only counted.
 */
export interface Denial {
  readonly ok: false
  readonly code: ErrorCode
  readonly reason: string
  readonly hint: string
  /** uuid of the subject's own account that it was about, as far as one was found. */
  readonly accountId?: string
}

export const deny = (code: ErrorCode, reason: string, hint: string): Denial => ({ ok: false, code, reason, hint })

export const denialError = (denial: Denial): BrokerError =>
  new BrokerError(denial.code, { hint: denial.hint, detail: denial.reason })

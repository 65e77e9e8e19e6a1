import { BrokerError } from '#core/errors/broker-error.ts'
import { type LimitName, limitRows } from './limits.ts'

/** What the header fields say of one limit. draft-ietf-httpapi-ratelimit-headers. */
export interface Standing {
  readonly name: LimitName
  /** How much of it there is in a window, or at all. */
  readonly limit: number
  /** Units that can still be had, as well as this process knows. */
  readonly remaining: number
  /** Seconds until they are all there again; undefined: never. */
  readonly resetSeconds: number | undefined
}

/** A limit is reached. What is free again with time may be tried again then (429), what never is may not (400). */
export class QuotaError extends BrokerError {
  readonly standing: Standing

  constructor(standing: Standing) {
    const { name, limit, resetSeconds } = standing
    const over = limitRows[name].windowSeconds === 0 ? '' : ` in ${limitRows[name].windowSeconds} seconds`
    const hint = `Limit ${name}: ${limit}${over}.`
    if (resetSeconds === undefined) super('quota_used_up', { hint, detail: name })
    else super('quota_exceeded', { hint, detail: name, retryAfterSeconds: resetSeconds })
    this.standing = standing
  }
}

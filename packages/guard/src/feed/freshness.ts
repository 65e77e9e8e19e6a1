// How long ago the guard knew everything there was to know. Measured from a moment before which the broker had read its
// database, and on two clocks: the monotonic one stands still while a machine sleeps, the wall clock can be set back.
// A heartbeat that came late by our clock counts as old as it says it is; one that is more than 5 s off tells of a clock that
// is wrong, here or there, and counts for nothing.

/** What the guard can be told apart by, in `stats()` and in its warnings. */
export type StaleReason = 'not_connected' | 'behind' | 'clock_off' | 'too_many_entries'

/** Farthest that this machine's clock and the broker's may be apart. */
const mostOffMs = 5000

/** A moment on both clocks, in milliseconds. */
export interface Moment {
  readonly monotonicMs: number
  readonly wallMs: number
}

/** Whether the broker's clock, read between `from` and `at`, is near enough to this machine's. */
export function clocksAgree(databaseMs: number, at: Moment, from: Moment = at): boolean {
  // Written so that what is no number refuses.
  return databaseMs - at.wallMs <= mostOffMs && from.wallMs - databaseMs <= mostOffMs
}

/** Keeps the moment of which the guard's knowledge is. */
export class Freshness {
  readonly #maxStaleMs: number
  #known: Moment | undefined
  #reason: StaleReason = 'not_connected'
  #offMs: number | undefined

  constructor(maxStaleMs: number) {
    this.#maxStaleMs = maxStaleMs
  }

  /**
   * The broker's word of what time its database had when it read it, received at `at` and asked for at `from` (where nobody
   * asked, the same). Only to be called where the guard then held everything up to the epoch that came with it. False where the
   * two clocks do not agree.
   */
  confirm(databaseMs: number, at: Moment, from: Moment = at): boolean {
    const behindMs = at.wallMs - databaseMs
    this.#offMs = behindMs
    if (!clocksAgree(databaseMs, at, from)) {
      this.#reason = 'clock_off'
      return false
    }
    const ageMs = from === at ? Math.max(0, behindMs) : at.monotonicMs - from.monotonicMs
    const known = { monotonicMs: at.monotonicMs - ageMs, wallMs: at.wallMs - ageMs }
    if (!this.#known || known.monotonicMs > this.#known.monotonicMs) this.#known = known
    this.#reason = 'not_connected'
    return true
  }

  /** Says why nothing is confirmed. */
  doubt(reason: StaleReason): void {
    this.#reason = reason
  }

  /** Forgets what was confirmed: from now on nothing is known. */
  lose(reason: StaleReason): void {
    this.#known = undefined
    this.#reason = reason
  }

  /** Milliseconds since everything was known; Infinity where it never was. */
  ageMs(now: Moment): number {
    if (!this.#known) return Number.POSITIVE_INFINITY
    return Math.max(now.monotonicMs - this.#known.monotonicMs, now.wallMs - this.#known.wallMs)
  }

  isFresh(now: Moment): boolean {
    return this.ageMs(now) <= this.#maxStaleMs
  }

  /** Why it is not fresh, where it is not. */
  get reason(): StaleReason {
    return this.#reason
  }

  /** How far this machine's wall clock was ahead of the broker's word when that came, travel included. */
  get offMs(): number | undefined {
    return this.#offMs
  }
}

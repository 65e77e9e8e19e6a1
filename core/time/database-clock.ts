import type { Clock } from './clock.ts'

/** How far the process's own wall clock may be off the database's before the node calls itself not ready. */
export const maxSkewMs = 5_000

/**
 * Monotonic time plus the offset to the database's clock.
 *
 * `learn` is fed the database's `clock_timestamp()` of each answer together with the monotonic times at which the question
 * left and the answer came. The database read its clock somewhere between the two; we keep the estimate of the narrowest
 * window seen lately, which is the most exact one.
 */
export class DatabaseClock implements Clock {
  #offsetMs: number
  #windowMs = Number.POSITIVE_INFINITY
  #learnedAtMs = Number.NEGATIVE_INFINITY
  readonly #monotonic: () => number
  readonly #wall: () => number

  constructor(monotonic: () => number = () => performance.now(), wall: () => number = () => Date.now()) {
    this.#monotonic = monotonic
    this.#wall = wall
    this.#offsetMs = wall() - monotonic()
  }

  nowMs(): number {
    return this.#monotonic() + this.#offsetMs
  }

  /** Monotonic milliseconds, to be handed back to `learn`. */
  mark(): number {
    return this.#monotonic()
  }

  /** databaseMs: the database's clock in milliseconds since the epoch; sentMark, receivedMark: from `mark()`. */
  learn(databaseMs: number, sentMark: number, receivedMark: number): void {
    const windowMs = receivedMark - sentMark
    const stale = receivedMark - this.#learnedAtMs > 10_000
    if (windowMs > this.#windowMs && !stale) return
    this.#windowMs = windowMs
    this.#learnedAtMs = receivedMark
    this.#offsetMs = databaseMs + windowMs / 2 - receivedMark
  }

  /** How far this machine's wall clock is off the database's, in milliseconds; positive when the wall clock is ahead. */
  skewMs(): number {
    return this.#wall() - this.nowMs()
  }
}

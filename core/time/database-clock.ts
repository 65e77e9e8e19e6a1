import type { Clock } from './clock.ts'

/** How far the process's own wall clock may be off the database's before the node calls itself not ready. */
export const maxSkewMs = 5_000

/** How fast two clocks may drift apart, as a bound: what is known of the offset gets worse by this much with time. */
const driftPerMs = 0.001

/**
 * Monotonic time plus the offset to the database's clock.
 *
 * `learn` is fed the database's `clock_timestamp()` of each answer together with the monotonic times at which the question
 * left and the answer came. The database read its clock somewhere between the two; we keep the estimate of the narrowest
 * window, which is the most exact one, and give it up for a wider one only as it ages. An answer that took long says
 * little: it moves the offset only as far as it proves the offset wrong.
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
    const least = databaseMs - receivedMark
    const most = databaseMs - sentMark
    const known = this.#learnedAtMs > Number.NEGATIVE_INFINITY
    if (!known || windowMs <= this.#windowMs + (receivedMark - this.#learnedAtMs) * driftPerMs) {
      this.#offsetMs = (least + most) / 2
    } else {
      // A clock was set, or this process stood still.
      const proven = Math.min(Math.max(this.#offsetMs, least), most)
      if (proven === this.#offsetMs) return
      this.#offsetMs = proven
    }
    this.#windowMs = windowMs
    this.#learnedAtMs = receivedMark
  }

  /** How far this machine's wall clock is off the database's, in milliseconds; positive when the wall clock is ahead. */
  skewMs(): number {
    return this.#wall() - this.nowMs()
  }
}

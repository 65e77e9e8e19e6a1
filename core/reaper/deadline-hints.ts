// Somebody should look when an account's time is up. One job for each second in which deadlines lie, not one for each account,
// added after the commit that set the deadline. It is a hint: the sweeper finds the account without it, a moment later. So
// nobody waits for it, a queue that fails is left alone for a while, and what it missed is not told again.

import { LRUCache } from 'lru-cache'

export interface DeadlineHintsOptions {
  /** Adds a job for each of these seconds since the epoch; a second that has one already keeps it. */
  readonly announce: (seconds: readonly number[]) => Promise<unknown>
  /** How long a queue that failed is left alone, in milliseconds. */
  readonly pauseMs?: number
  /** How many seconds are remembered as announced, and how many may wait. */
  readonly most?: number
}

export class DeadlineHints {
  readonly #options: Required<DeadlineHintsOptions>
  readonly #announced: LRUCache<number, true>
  #waiting = new Set<number>()
  #busy: Promise<void> | undefined

  constructor(options: DeadlineHintsOptions) {
    this.#options = { pauseMs: 1_000, most: 10_000, ...options }
    this.#announced = new LRUCache({ max: this.#options.most })
  }

  /** Never throws, never waits. deadlineSeconds: since the epoch, a fraction is rounded up; without an end there is nothing to tell. */
  note(deadlineSeconds: number | null): void {
    if (deadlineSeconds === null || !Number.isFinite(deadlineSeconds)) return
    const second = Math.ceil(deadlineSeconds)
    if (this.#announced.has(second) || this.#waiting.size >= this.#options.most) return
    this.#waiting.add(second)
    this.#busy ??= this.#drain()
  }

  async #drain(): Promise<void> {
    // Deadlines of one batch of openings are told together.
    await new Promise(resolve => setImmediate(resolve))
    while (this.#waiting.size > 0) {
      const seconds = [...this.#waiting]
      this.#waiting = new Set()
      try {
        await this.#options.announce(seconds)
        for (const second of seconds) this.#announced.set(second, true)
      } catch {
        await new Promise(resolve => setTimeout(resolve, this.#options.pauseMs).unref())
      }
    }
    this.#busy = undefined
  }
}

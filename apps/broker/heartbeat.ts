// Each second the broker asks the database for the time. From the answers it knows the clock that decides, and whether it
// is fit to serve: a node that cannot reach the log, or whose own clock is off, says so at /readyz before it harms anyone.

import { type DatabaseClock, maxSkewMs } from '#core/time/database-clock.ts'

const everyMs = 1_000
const staleMs = 3_000

export class Heartbeat {
  readonly #clock: DatabaseClock
  readonly #readClock: () => Promise<number>
  #timer: NodeJS.Timeout | undefined
  #lastMark = Number.NEGATIVE_INFINITY
  #askedMark = Number.NEGATIVE_INFINITY
  #asking = false

  constructor(clock: DatabaseClock, readClock: () => Promise<number>) {
    this.#clock = clock
    this.#readClock = readClock
  }

  async start(): Promise<void> {
    await this.beat()
    this.#timer = setInterval(() => void this.beat().catch(() => {}), everyMs).unref()
  }

  /** One question to the database. Throws when it cannot be asked. */
  async beat(): Promise<void> {
    const sent = this.#clock.mark()
    // A question that hangs for good must not be the last one.
    if (this.#asking && sent - this.#askedMark < staleMs) return
    this.#asking = true
    this.#askedMark = sent
    try {
      const databaseMs = await this.#readClock()
      this.#lastMark = this.#clock.mark()
      this.#clock.learn(databaseMs, sent, this.#lastMark)
    } finally {
      this.#asking = false
    }
  }

  /** Why this node should get no traffic now; empty when it is ready. */
  faults(): string[] {
    const faults: string[] = []
    if (this.#clock.mark() - this.#lastMark > staleMs) faults.push('the database does not answer')
    const skewMs = this.#clock.skewMs()
    if (Math.abs(skewMs) > maxSkewMs) faults.push(`the clock of this node is ${Math.round(skewMs / 1000)} s off the database's`)
    return faults
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

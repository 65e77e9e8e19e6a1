// Tells the broker how far this guard has come, so that whoever revokes can see that it has arrived. The first word goes out
// at once, then at most one each 200 ms; every 30 s it says that it is still there. Nothing waits for it.

import type { Position } from './messages.ts'

/** Sends one acknowledgement; resolves to the HTTP status, rejects where no answer came. */
export type SendPosition = (position: Position) => Promise<number>

const leastBetweenMs = 200
const signOfLifeMs = 30_000
const afterFailureMs = 1000

/** Sends the latest position. */
export class Acknowledger {
  readonly #send: SendPosition
  readonly #monotonicMs: () => number
  #latest: Position | undefined
  #acknowledged: Position | undefined
  #nextAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #isSending = false
  #isClosed = false

  constructor(send: SendPosition, monotonicMs: () => number = () => performance.now()) {
    this.#send = send
    this.#monotonicMs = monotonicMs
  }

  /** The position that the broker has taken note of. */
  get acknowledged(): Position | undefined {
    return this.#acknowledged
  }

  /** To be called once everything up to there is in force. */
  applied(position: Position): void {
    this.#latest = position
    this.#plan(Math.max(0, this.#nextAt - this.#monotonicMs()))
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #plan(delayMs: number): void {
    if (this.#isSending || this.#isClosed) return
    clearTimeout(this.#timer)
    if (delayMs === 0) void this.#attempt()
    else this.#timer = setTimeout(() => void this.#attempt(), delayMs).unref()
  }

  async #attempt(): Promise<void> {
    const position = this.#latest
    if (!position) return
    this.#isSending = true
    this.#nextAt = this.#monotonicMs() + leastBetweenMs
    const status = await this.#send(position).catch(() => 0)
    this.#isSending = false
    const isTaken = status >= 200 && status < 300
    if (isTaken) this.#acknowledged = position
    else this.#nextAt = this.#monotonicMs() + afterFailureMs
    const isNews = this.#latest !== position
    // What the broker calls wrong would be wrong again: only news or the next sign of life is worth another try.
    const isRefused = status >= 400 && status < 500 && status !== 429
    const isDone = !isNews && (isTaken || isRefused)
    this.#plan(isDone ? signOfLifeMs : Math.max(1, this.#nextAt - this.#monotonicMs()))
  }
}

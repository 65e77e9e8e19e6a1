// Tells the broker how far this guard has come, so that whoever revokes can see that it has arrived. The first word goes out
// after a moment, another one for each guard: other guards on this machine and streams of this broker have yet to hear of the same, and
// a thousand words at once would hold up the next news. Then there is at most one each 200 ms, and where news does not end, one a second;
// every 30 s it says that it is still there. Nothing waits for it.

import type { Position } from './messages.ts'

/** Sends one acknowledgement; resolves to the HTTP status, rejects where no answer came. */
export type SendPosition = (position: Position) => Promise<number>

const firstWordMs = 20
const spreadMs = 40
const leastBetweenMs = 200
const mostBetweenMs = 1000
const signOfLifeMs = 30_000
const afterFailureMs = 1000

/** Sends the latest position. */
export class Acknowledger {
  readonly #send: SendPosition
  readonly #monotonicMs: () => number
  readonly #random: () => number
  #latest: Position | undefined
  #acknowledged: Position | undefined
  #nextAt = Number.NEGATIVE_INFINITY
  #betweenMs = leastBetweenMs
  #timer: NodeJS.Timeout | undefined
  #isSending = false
  #hasNews = false
  #isClosed = false

  /** random: from 0 to 1. */
  constructor(send: SendPosition, monotonicMs: () => number = () => performance.now(), random: () => number = Math.random) {
    this.#send = send
    this.#monotonicMs = monotonicMs
    this.#random = random
  }

  /** The position that the broker has taken note of. */
  get acknowledged(): Position | undefined {
    return this.#acknowledged
  }

  /** To be called once everything up to there is in force. */
  applied(position: Position): void {
    this.#latest = position
    // News that does not end must not put off the word about it.
    if (this.#hasNews) return
    this.#hasNews = true
    this.#plan(Math.max(firstWordMs + spreadMs * this.#random(), this.#nextAt - this.#monotonicMs()))
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #plan(delayMs: number): void {
    if (this.#isSending || this.#isClosed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#attempt(), delayMs).unref()
  }

  async #attempt(): Promise<void> {
    const position = this.#latest
    if (!position) return
    this.#hasNews = false
    this.#isSending = true
    const nowMs = this.#monotonicMs()
    this.#betweenMs = nowMs - this.#nextAt > leastBetweenMs ? leastBetweenMs : Math.min(2 * this.#betweenMs, mostBetweenMs)
    this.#nextAt = nowMs + this.#betweenMs
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

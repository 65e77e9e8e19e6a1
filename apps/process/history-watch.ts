// Whether the log went backwards under a process that runs: a backup was restored beneath it, or a standby took over that had fallen
// behind. What it knows from before (who is live, what is revoked, what it has told guards) then fits no history any more, and a restored
// database has forgotten revocations. So it stops for good, and says what to do: nothing decides about history while it serves.
//
// Each second the last entry that was seen must still stand where it stood. And each batch that is committed must come behind all that was
// seen when it was sent; that is looked at before anybody gets a token of it.

import type { Logger } from 'pino'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { LogGlimpse } from '#db/log/history.ts'

export interface HistoryWatchDeps {
  /** Throws when the database cannot be asked. */
  readonly read: (position: number) => Promise<LogGlimpse>
  readonly logger: Logger
  /** Called once, when it is noticed. */
  readonly onLost?: () => void
  /** 0: only when asked. */
  readonly everyMs?: number
}

/** Of a batch that was committed. */
export interface CommittedPlace {
  readonly firstPosition: bigint
  /** How many leaves it wrote. */
  readonly leaves: number
}

const standardEveryMs = 1_000
/** A question that hangs for good must not be the last one. */
const hungMs = 3_000
const retryAfterSeconds = 30

export class HistoryWatch {
  readonly #deps: HistoryWatchDeps
  /** The last entry that was looked at; none: the log was empty. */
  #last: { readonly position: number; readonly leaf: string } | undefined
  /** So many entries were seen at least. */
  #size = 0
  #lost: string | undefined
  #timer: NodeJS.Timeout | undefined
  #askedMark = Number.NEGATIVE_INFINITY

  constructor(deps: HistoryWatchDeps) {
    this.#deps = deps
  }

  /** Rejects when the database cannot be asked now. */
  async start(): Promise<void> {
    await this.look()
    const { everyMs = standardEveryMs } = this.#deps
    if (everyMs > 0) this.#timer = setInterval(() => this.#lookNowAndThen(), everyMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Why this process is to serve nobody any more; empty: all is well. */
  faults(): string[] {
    return this.#lost === undefined ? [] : [`the log went backwards: ${this.#lost}; see docs/how-to/restore.md`]
  }

  /** Throws BrokerError `log_unavailable` once the log went backwards. */
  check(): void {
    if (this.#lost !== undefined)
      throw new BrokerError('log_unavailable', { detail: `the log went backwards: ${this.#lost}`, retryAfterSeconds })
  }

  #lookNowAndThen(): void {
    const mark = performance.now()
    if (mark - this.#askedMark < hungMs) return
    this.#askedMark = mark
    void this.look()
      .catch(() => {})
      .finally(() => {
        if (this.#askedMark === mark) this.#askedMark = Number.NEGATIVE_INFINITY
      })
  }

  /** One question to the database, held against what was seen before it was sent. Rejects when it cannot be asked. */
  async look(): Promise<void> {
    const last = this.#last
    const size = this.#size
    const seen = await this.#deps.read(last?.position ?? 0)
    if (seen.size < size) return this.#lose(`there were ${size} entries, there are ${seen.size}`)
    if (last && seen.asked !== last.leaf) return this.#lose(`entry ${last.position} is another one than it was`)
    this.#size = Math.max(this.#size, seen.size)
    if (seen.last !== null && seen.size > (this.#last?.position ?? -1)) this.#last = { position: seen.size - 1, leaf: seen.last }
  }

  /**
   * Commits a batch where the log is still as it was seen. Throws BrokerError `log_unavailable` where it is not: what was committed then
   * stands in a log that nobody is served from, and nobody is given what it stands for.
   */
  async watched<Answer>(commit: () => Promise<Answer>, placeOf: (answer: Answer) => CommittedPlace): Promise<Answer> {
    this.check()
    // Others may commit meanwhile: what counts is what was there before this one was sent.
    const before = this.#size
    const answer = await commit()
    const { firstPosition, leaves } = placeOf(answer)
    if (firstPosition < before) this.#lose(`there were ${before} entries, the next was put at ${firstPosition}`)
    this.check()
    this.#size = Math.max(this.#size, Number(firstPosition) + leaves)
    return answer
  }

  #lose(how: string): void {
    if (this.#lost !== undefined) return
    this.#lost = how
    this.stop()
    this.#deps.logger.fatal(
      `The log in the database went backwards (${how}): an earlier state was restored beneath this process, or a standby took over that had fallen behind. Nobody is served any more. Stop all brokers and workers, run node deploy/restore.ts begin --again, then start them: docs/how-to/restore.md`,
    )
    this.#deps.onLost?.()
  }
}

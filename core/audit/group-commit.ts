// Group commit. While one batch is being committed, the next one gathers; there is no timer, the previous commit is the
// wait. So a lone request is sent at once, and under load a hundred share one fsync.
//
// A request that cannot be committed within a second is refused, never left hanging: its fate in the database is then
// unknown, and the client gets no token. What is queued is bounded; beyond it a request is refused at once.
//
// A flight is one batch under way. A hung one is given up: its requests are refused, its connection is dropped, the next
// batch flies. What the abandoned flight still brings home, answer or error, concerns nobody any more.

import { BrokerError } from '#core/errors/broker-error.ts'
import type { DatabaseClock } from '#core/time/database-clock.ts'
import type { AppendAnswer, AppendOutcome, AppendRequest } from '#db/log/append.ts'
import { BatchLimit } from './batch-limit.ts'
import type { Failpoint } from './failpoint.ts'

export interface GroupCommitOptions {
  /** Commits a batch. Rejects when nothing was committed, or when that is unknown. */
  readonly commit: (requests: readonly AppendRequest[]) => Promise<AppendAnswer>
  /** Called when a commit has hung for `giveUpMs`: drops the connection, so that the next batch gets another. */
  readonly reconnect: () => void
  readonly clock: DatabaseClock
  readonly maxBatchEvents?: number
  readonly maxQueued?: number
  readonly timeoutMs?: number
  readonly giveUpMs?: number
  /** Tests only. */
  readonly failpoint?: Failpoint | undefined
}

interface Waiting {
  readonly request: AppendRequest
  readonly enqueuedMark: number
  readonly resolve: (outcome: AppendOutcome) => void
  readonly reject: (error: BrokerError) => void
}

/** A batch of so many is never split: below it a commit costs more than what is in it. */
const leastBatchEvents = 32

/** How often late requests are looked for. With the time limit it stays below the second that a caller is promised. */
const watchMs = 50

const eventsOf = (batch: readonly Waiting[]): number => batch.reduce((sum, { request }) => sum + request.events.length, 0)

const unavailable = (cause: unknown): BrokerError => new BrokerError('log_unavailable', { cause, retryAfterSeconds: 1 })

/** Requests that are wrong in themselves must not take the batch down with them: SQLSTATE classes 22 (data) and 23 (integrity). */
function isFaultOfOneRequest(error: unknown): boolean {
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' && /^2[23]...$/.test(code)
}

export class GroupCommit {
  readonly #options: Required<Omit<GroupCommitOptions, 'failpoint'>>
  readonly #failpoint: Failpoint | undefined
  readonly #limit: BatchLimit
  #queue: Waiting[] = []
  #inFlight: Waiting[] = []
  #sentMark = 0
  #flight = 0
  #watchdog: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: GroupCommitOptions) {
    this.#options = { maxBatchEvents: 512, maxQueued: 4096, timeoutMs: 850, giveUpMs: 2_500, ...options }
    this.#failpoint = options.failpoint
    this.#limit = new BatchLimit(leastBatchEvents, this.#options.maxBatchEvents)
  }

  /** How many requests wait or are being committed. */
  get depth(): number {
    return this.#queue.length + this.#inFlight.length
  }

  /**
   * Resolves after the commit that holds the request's events, or that found why it may not be written.
   * Throws BrokerError `overloaded` (queue full) or `log_unavailable` (not committed in time).
   */
  append(request: AppendRequest): Promise<AppendOutcome> {
    if (this.#closed) return Promise.reject(unavailable('closed'))
    if (this.#queue.length >= this.#options.maxQueued)
      return Promise.reject(new BrokerError('overloaded', { detail: 'audit queue full', retryAfterSeconds: 1 }))
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, enqueuedMark: this.#options.clock.mark(), resolve, reject })
      if (this.#inFlight.length === 0) this.#scheduleSend()
    })
  }

  /** Refuses what is new, commits what is queued. */
  async close(): Promise<void> {
    this.#closed = true
    while (this.depth > 0) await new Promise(resolve => setTimeout(resolve, 5))
  }

  #sendScheduled = false

  /** Requests that arrive in the same turn of the event loop share the first batch. */
  #scheduleSend(): void {
    if (this.#sendScheduled) return
    this.#sendScheduled = true
    setImmediate(() => {
      this.#sendScheduled = false
      if (this.#inFlight.length === 0 && this.#queue.length > 0) void this.#send()
    })
  }

  async #send(): Promise<void> {
    const batch = this.#takeBatch()
    const flight = ++this.#flight
    this.#inFlight = batch
    this.#sentMark = this.#options.clock.mark()
    this.#watchdog ??= setInterval(() => this.#refuseTheLate(), watchMs).unref()
    const tell = await this.#commit(batch, flight)
    if (flight !== this.#flight) return
    this.#limit.learn(eventsOf(batch) + eventsOf(this.#queue))
    this.#inFlight = []
    // The next batch leaves before anyone is told of this one: the database works while we write the answers.
    if (this.#queue.length > 0) void this.#send()
    else this.#stopWatching()
    tell()
  }

  #takeBatch(): Waiting[] {
    const { events: limit } = this.#limit
    let events = 0
    let count = 0
    for (const { request } of this.#queue) {
      events += request.events.length
      if (count > 0 && events > limit) break
      count++
    }
    const batch = this.#queue.slice(0, count)
    this.#queue = this.#queue.slice(count)
    return batch
  }

  /** Resolves to what tells each request its outcome. */
  async #commit(batch: readonly Waiting[], flight: number): Promise<() => void> {
    // Given up meanwhile: its requests are refused, and another batch has the connection.
    if (flight !== this.#flight) return () => {}
    const sent = this.#options.clock.mark()
    try {
      this.#failpoint?.('before-batch')
      const answering = this.#options.commit(batch.map(waiting => waiting.request))
      this.#failpoint?.('batch-sent')
      const answer = await answering
      this.#failpoint?.('after-commit')
      if (flight !== this.#flight) return () => {}
      if (answer.outcomes.length !== batch.length) throw new Error('the log answered for another number of requests')
      this.#options.clock.learn(answer.databaseMs, sent, this.#options.clock.mark())
      return () => {
        for (const [index, waiting] of batch.entries()) waiting.resolve(answer.outcomes[index]!)
      }
    } catch (error) {
      return this.#explain(batch, flight, error)
    }
  }

  async #explain(batch: readonly Waiting[], flight: number, error: unknown): Promise<() => void> {
    if (batch.length > 1 && isFaultOfOneRequest(error)) {
      const half = batch.length >> 1
      const tellFirst = await this.#commit(batch.slice(0, half), flight)
      const tellSecond = await this.#commit(batch.slice(half), flight)
      return () => {
        tellFirst()
        tellSecond()
      }
    }
    const refusal = isFaultOfOneRequest(error)
      ? new BrokerError('internal', { detail: 'the log refused an event', cause: error })
      : unavailable(error)
    return () => {
      for (const waiting of batch) waiting.reject(refusal)
    }
  }

  #refuseTheLate(): void {
    const now = this.#options.clock.mark()
    const late = (waiting: Waiting): boolean => now - waiting.enqueuedMark >= this.#options.timeoutMs
    for (const waiting of this.#inFlight) if (late(waiting)) waiting.reject(unavailable('commit timed out'))
    for (const waiting of this.#queue) if (late(waiting)) waiting.reject(unavailable('queued too long'))
    this.#queue = this.#queue.filter(waiting => !late(waiting))
    if (this.#inFlight.length > 0 && now - this.#sentMark >= this.#options.giveUpMs) this.#giveUp()
  }

  #giveUp(): void {
    this.#flight++
    for (const waiting of this.#inFlight) waiting.reject(unavailable('commit given up'))
    this.#inFlight = []
    this.#options.reconnect()
    if (this.#queue.length > 0) void this.#send()
    else this.#stopWatching()
  }

  #stopWatching(): void {
    clearInterval(this.#watchdog)
    this.#watchdog = undefined
  }
}

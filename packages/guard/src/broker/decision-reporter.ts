// Tells the broker what was let through and what was refused, so that the audit trail shows use and not only issuance.
// Reporting never delays a request and never fails one: the queue is bounded, what does not fit is dropped and counted.
// Only requests whose token verified are itemised, and equal ones of one interval are one entry with a count; junk is only counted by reason, so that nobody can write into the trail by
// sending rubbish, nor fill the queue. A token itself is never reported.

import { randomUUID } from 'node:crypto'

/** One judged request, as `POST {issuer}/v1/decisions` takes it; or, with a count, so many that could not be verified. */
export interface Decision {
  /** Milliseconds since the epoch on the guard's clock. */
  readonly time: number
  readonly outcome: 'allow' | 'deny'
  /** `granted`, or the guard's internal reason. */
  readonly reason: string
  readonly jti?: string
  readonly account_id?: string
  /** In upper case; left out where it is no plain word. */
  readonly method?: string
  /** base64url SHA-256 of the path without query. */
  readonly path_hash?: string
  /** How many requests it stands for; one where it is left out. */
  readonly count?: number
  /** What they cost together, in spend units. */
  readonly units?: number
}

/** Most units that the broker takes in one entry. */
export const mostUnits = 1_000_000_000

/** What the broker takes at once. */
const mostInBatch = 200

/** How decisions are reported. */
export interface ReportOptions {
  /** Time between two batches while there is something to report. Default 2000. */
  readonly intervalMs?: number
  /** Decisions in one batch. Default and most 200. */
  readonly maxBatch?: number
  /** Decisions kept while the broker cannot be reached. Default 10,000. */
  readonly maxQueue?: number
}

/** Sends one batch; resolves to the HTTP status, rejects where no answer came. */
export type SendBatch = (decisions: readonly Decision[], idempotencyKey: string) => Promise<number>

/** An entry that may still come to stand for more. */
type Waiting = { -readonly [Name in keyof Decision]: Decision[Name] }

interface Batch {
  readonly decisions: Decision[]
  readonly idempotencyKey: string
}

/** A bounded queue that is emptied in batches. */
export class DecisionReporter {
  readonly #send: SendBatch
  readonly #intervalMs: number
  readonly #maxBatch: number
  readonly #maxQueue: number
  #queue: Waiting[] = []
  /** Places in the queue of what came with a name, by the token it is of. */
  readonly #places = new Map<string, Map<string, number>>()
  /** What was refused unverified, by reason, since the last batch; with the time of the last one. */
  readonly #counts = new Map<string, { count: number; time: number }>()
  /** The batch under way or to be repeated, under the same key; the trail holds it at least once. */
  #batch: Batch | undefined
  #timer: NodeJS.Timeout | undefined
  #flight: Promise<void> | undefined
  #failures = 0
  #dropped = 0
  #reported = 0

  constructor(send: SendBatch, options: ReportOptions = {}) {
    this.#send = send
    this.#intervalMs = options.intervalMs ?? 2000
    this.#maxBatch = Math.min(options.maxBatch ?? mostInBatch, mostInBatch)
    this.#maxQueue = options.maxQueue ?? 10_000
  }

  /** Queues a decision. Never throws. */
  add(decision: Decision): void {
    if (this.pending >= this.#maxQueue) {
      this.#dropped += 1
      return
    }
    this.#queue.push({ ...decision })
    if (this.#queue.length >= this.#maxBatch && this.#failures === 0) void this.#begin()
    else this.#schedule()
  }

  /**
   * Queues a decision, or counts it to the one of the same token and name that waits. Both together must say all that the entry
   * says but time and units; `make` is called only for the first one. Never throws where `make` does not.
   */
  addNamed(jti: string, name: string, time: number, units: number | undefined, make: () => Decision): void {
    const place = this.#places.get(jti)?.get(name)
    const waiting = place === undefined ? undefined : this.#queue[place]
    const sum = units === undefined ? waiting?.units : units + (waiting?.units ?? 0)
    if (place === undefined || !waiting || (sum ?? 0) > mostUnits) {
      const length = this.#queue.length
      this.add({ ...make(), ...(units === undefined ? {} : { units }) })
      if (this.#queue.length > length) this.#remember(jti, name, length)
      return
    }
    waiting.time = time
    waiting.count = (waiting.count ?? 1) + 1
    if (sum !== undefined) waiting.units = sum
  }

  #remember(jti: string, name: string, place: number): void {
    const names = this.#places.get(jti) ?? new Map<string, number>()
    this.#places.set(jti, names.set(name, place))
  }

  /** Counts a refusal that is not itemised. Never throws. */
  count(reason: string, time: number): void {
    const count = (this.#counts.get(reason)?.count ?? 0) + 1
    this.#counts.set(reason, { count, time })
    this.#schedule()
  }

  /** Entries that wait; all counts of one reason are one entry. */
  get pending(): number {
    return this.#queue.length + this.#counts.size + (this.#batch?.decisions.length ?? 0)
  }

  get dropped(): number {
    return this.#dropped
  }

  get reported(): number {
    return this.#reported
  }

  /** Sends what is queued, until done or until one batch fails. Never throws. */
  async flush(): Promise<void> {
    const underWay = this.#flight
    await underWay
    if (!underWay || this.#failures === 0) await this.#begin()
  }

  /** Sends what is left, once, and stops. What cannot be sent is counted as dropped. */
  async close(): Promise<void> {
    await this.flush()
    clearTimeout(this.#timer)
    this.#dropped += this.pending
    this.#queue = []
    this.#places.clear()
    this.#counts.clear()
    this.#batch = undefined
  }

  #begin(): Promise<void> {
    this.#flight ??= this.#drain().finally(() => {
      this.#flight = undefined
      if (this.pending > 0) this.#schedule()
    })
    return this.#flight
  }

  /** What comes meanwhile waits for the next interval, or for a full batch: under load something always comes. */
  async #drain(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (let left = this.pending; (left > 0 && this.pending > 0) || this.#queue.length >= this.#maxBatch; ) {
      this.#batch ??= { decisions: this.#nextDecisions(), idempotencyKey: randomUUID() }
      const done = await this.#attempt(this.#batch)
      if (!done) return
      left -= this.#batch.decisions.length
      this.#batch = undefined
    }
  }

  #nextDecisions(): Decision[] {
    const decisions = this.#queue.splice(0, this.#maxBatch)
    this.#places.clear()
    for (const [reason, { count, time }] of this.#counts) {
      if (decisions.length >= this.#maxBatch) break
      decisions.push({ time, outcome: 'deny', reason, count })
      this.#counts.delete(reason)
    }
    return decisions
  }

  /** Whether the batch is done with: recorded, or refused for good. */
  async #attempt(batch: Batch): Promise<boolean> {
    let status = 0
    try {
      status = await this.#send(batch.decisions, batch.idempotencyKey)
    } catch {
      // No answer: the batch is repeated.
    }
    if (status >= 200 && status < 300) {
      this.#failures = 0
      this.#reported += batch.decisions.length
      return true
    }
    // A batch that the broker calls wrong would be wrong again; keeping it would block what comes after.
    if ([400, 404, 413, 415, 422].includes(status)) {
      this.#dropped += batch.decisions.length
      return true
    }
    this.#failures += 1
    return false
  }

  #schedule(): void {
    if (this.#timer || this.#flight) return
    const delay = this.#intervalMs * 2 ** Math.min(this.#failures, 5)
    this.#timer = setTimeout(() => void this.#begin(), delay)
    this.#timer.unref()
  }
}

// What others publish and change: key sets, trust bundles, DID documents. Kept for a while, read again when it is older or
// when what is looked for is not in it, but only after a cool-down, so that invented names cause no traffic. While the
// publisher fails, what is known goes on being used, up to a bound, and nobody is made to wait for the next failure.

import { LRUCache } from 'lru-cache'
import { endsInTime } from './ends-in-time.ts'

interface Entry<Value> {
  value: Value | undefined
  fetchedMs: number
  triedMs: number
  flight: Promise<void> | undefined
  /** Why the last fetch failed; undefined when it did not. */
  fault: unknown
}

/** How long a caller waits for a slow publisher: it is promised an answer within a second. The fetch goes on and fills the cache. */
const waitMs = 800

export interface DocumentOptions {
  readonly freshMs?: number
  readonly longestMs?: number
  readonly coolDownMs?: number
  readonly maxDocuments?: number
}

export interface DocumentQuery<Value, Found> {
  /** All that decides where from and how the document is fetched. */
  readonly name: string
  /** Fetches and reads it. */
  readonly fetch: () => Promise<Value>
  readonly pick: (value: Value) => Found | undefined
  /** The error to throw when there is no document that is young enough. */
  readonly unavailable: (cause: unknown, retryAfterSeconds: number) => Error
}

export class FetchedDocuments<Value> {
  readonly #entries: LRUCache<string, Entry<Value>>
  readonly #freshMs: number
  readonly #longestMs: number
  readonly #coolDownMs: number

  constructor(options: DocumentOptions = {}) {
    const { freshMs = 10 * 60_000, longestMs = 60 * 60_000, coolDownMs = 15_000, maxDocuments = 10_000 } = options
    this.#entries = new LRUCache({ max: maxDocuments })
    this.#freshMs = freshMs
    this.#longestMs = longestMs
    this.#coolDownMs = coolDownMs
  }

  /** What is looked for, or undefined when the document has it not. nowMs: monotonic enough, milliseconds. Throws `unavailable`. */
  async find<Found>(query: DocumentQuery<Value, Found>, nowMs: number): Promise<Found | undefined> {
    const entry = this.#entryOf(query.name)
    const known = (): Found | undefined => (entry.value === undefined ? undefined : query.pick(entry.value))
    const ageMs = nowMs - entry.fetchedMs
    if (ageMs <= this.#freshMs) {
      const found = known()
      if (found !== undefined) return found
    }
    const isDue = nowMs - entry.triedMs > this.#coolDownMs
    if (entry.fault !== undefined && ageMs <= this.#longestMs && known() !== undefined) {
      // The publisher has just failed: callers are not made to wait for its next failure.
      if (isDue) void this.#refresh(query.fetch, entry, nowMs)
      return known()
    }
    if (isDue || entry.flight) {
      const arrived = await endsInTime(this.#refresh(query.fetch, entry, nowMs), waitMs)
      if (!arrived && known() === undefined) throw query.unavailable('it is still being fetched', 1)
    }
    if (nowMs - entry.fetchedMs > this.#longestMs)
      throw query.unavailable(entry.fault, Math.max(1, Math.ceil((entry.triedMs + this.#coolDownMs - nowMs) / 1000)))
    return known()
  }

  #entryOf(name: string): Entry<Value> {
    let entry = this.#entries.get(name)
    if (!entry) {
      const never = Number.NEGATIVE_INFINITY
      entry = { value: undefined, fetchedMs: never, triedMs: never, flight: undefined, fault: undefined }
      this.#entries.set(name, entry)
    }
    return entry
  }

  /** One fetch at a time; a failed one keeps what we have, until it is too old. */
  #refresh(fetch: () => Promise<Value>, entry: Entry<Value>, nowMs: number): Promise<void> {
    entry.flight ??= (async () => {
      entry.triedMs = nowMs
      try {
        entry.value = await fetch()
        entry.fetchedMs = nowMs
        entry.fault = undefined
      } catch (error) {
        // The caller sees it by the age of what is left.
        entry.fault = error ?? 'unknown'
      } finally {
        entry.flight = undefined
      }
    })()
    return entry.flight
  }
}

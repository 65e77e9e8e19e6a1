// Documents that somebody else publishes and may change: fetched ahead of need and again and again in the background, so that
// whoever decides by one has it at hand and waits for nothing. A document is somebody's (`owner`, a tenant): what one owner's
// addresses do is felt by no other.

import { endsInTime } from '#core/memory/ends-in-time.ts'

/** Where a document is, for whom. `id` names whoever it belongs to: the same address for two is fetched twice. */
export interface Location {
  readonly id: string
  /** https */
  readonly url: string
  /** PEM of the CA that the server's certificate must come from; undefined: the public ones. */
  readonly caPem: string | undefined
}

export interface Fetched<Value> {
  readonly value: Value
  /** Equal for equal documents. */
  readonly digest: string
  /** When to ask again. Milliseconds from now. */
  readonly refreshMs: number
  /** From when on it must not be used, however many fetches fail. Milliseconds since the epoch. */
  readonly usableUntilMs: number
}

/** What came says of itself that it must not be used, nor what came before it. */
export interface Unusable {
  readonly fault: string
}

/** Throws when there is nothing to be had now. held: what came last, in case that it comes again. */
export type Load<Value> = (
  location: Location,
  nowMs: number,
  held: Fetched<Value> | undefined,
) => Promise<Fetched<Value> | Unusable>

interface Entry<Value> {
  readonly owner: string
  readonly location: Location
  held: Fetched<Value> | undefined
  dueMs: number
  flight: Promise<void> | undefined
}

/** After a failure. Milliseconds. */
const retryMs = 15_000
/** How long the first fetch is waited for: whoever asked is promised an answer within a second. Milliseconds. */
const firstWaitMs = 500

export class FollowedDocuments<Value> {
  readonly #load: Load<Value>
  readonly #onFault: (location: Location, fault: unknown) => void
  readonly #entries = new Map<string, Entry<Value>>()
  readonly #generations = new Map<string, number>()

  /** onFault: told of each fetch that failed. */
  constructor(load: Load<Value>, onFault: (location: Location, fault: unknown) => void = () => {}) {
    this.#load = load
    this.#onFault = onFault
  }

  /** Follows exactly these for the owner. Waits a moment for those that are new, and never fails: they may come later. */
  async follow(owner: string, locations: readonly Location[], nowMs: number): Promise<void> {
    const wanted = new Map(locations.map(location => [nameOf(location), location]))
    for (const [name, entry] of this.#entries) if (entry.owner === owner && !wanted.has(name)) this.#entries.delete(name)
    const fresh: Promise<void>[] = []
    for (const [name, location] of wanted) {
      if (this.#entries.has(name)) continue
      const entry: Entry<Value> = { owner, location, held: undefined, dueMs: nowMs, flight: undefined }
      this.#entries.set(name, entry)
      fresh.push(this.#refresh(entry, nowMs))
    }
    if (fresh.length > 0) await endsInTime(Promise.all(fresh), firstWaitMs)
  }

  /** What is at hand and still usable. */
  find(location: Location, nowMs: number): Value | undefined {
    const held = this.#entries.get(nameOf(location))?.held
    return held && nowMs < held.usableUntilMs ? held.value : undefined
  }

  /** Fetches what is due, in the background. To be called every second or so. */
  refreshDue(nowMs: number): void {
    for (const entry of this.#entries.values()) if (nowMs >= entry.dueMs) void this.#refresh(entry, nowMs)
  }

  /** Raised whenever a document of the owner has become another: verdicts that rest on the one before must be made anew. */
  generationOf(owner: string): number {
    return this.#generations.get(owner) ?? 0
  }

  /** One fetch at a time. Never rejects. */
  #refresh(entry: Entry<Value>, nowMs: number): Promise<void> {
    entry.flight ??= (async () => {
      try {
        const fetched = await this.#load(entry.location, nowMs, entry.held)
        if ('fault' in fetched) {
          this.#replace(entry, undefined)
          throw new Error(fetched.fault)
        }
        this.#replace(entry, fetched)
        entry.dueMs = nowMs + fetched.refreshMs
      } catch (fault) {
        entry.dueMs = nowMs + retryMs
        this.#onFault(entry.location, fault)
      } finally {
        entry.flight = undefined
      }
    })()
    return entry.flight
  }

  #replace(entry: Entry<Value>, next: Fetched<Value> | undefined): void {
    const changed = next?.digest !== entry.held?.digest
    // What is the same stays the same object: what was derived from it stays true.
    entry.held = next && entry.held && !changed ? { ...next, value: entry.held.value } : next
    if (changed) this.#generations.set(entry.owner, this.generationOf(entry.owner) + 1)
  }
}

const nameOf = ({ id, url, caPem }: Location): string => JSON.stringify([id, url, caPem ?? null])

import { BrokerError } from '#core/errors/broker-error.ts'

/** A caller gets its answer or its refusal within a second also while the database hangs. */
const timeoutMs = 850

interface Waiting<Value> {
  readonly promise: Promise<Value | undefined>
  readonly resolve: (value: Value | undefined) => void
  readonly reject: (error: unknown) => void
  readonly timer: NodeJS.Timeout
}

/**
 * Gathers look-ups: while one batch is under way, the next gathers, so any number of callers costs one round trip at a time.
 * `load` gets the distinct keys and answers a map; a key that is not in it resolves to undefined.
 * A look-up that was not answered in time throws BrokerError `log_unavailable`, and the next batch does not wait for it.
 */
export class BatchLoader<Key, Value> {
  readonly #load: (keys: readonly Key[]) => Promise<Map<Key, Value>>
  readonly #max: number
  readonly #waiting = new Map<Key, Waiting<Value>>()
  #busy = false

  constructor(load: (keys: readonly Key[]) => Promise<Map<Key, Value>>, max = 512) {
    this.#load = load
    this.#max = max
  }

  load(key: Key): Promise<Value | undefined> {
    const found = this.#waiting.get(key)
    if (found) return found.promise
    const { promise, resolve, reject } = Promise.withResolvers<Value | undefined>()
    const entry: Waiting<Value> = { promise, resolve, reject, timer: setTimeout(() => this.#refuse(key, entry), timeoutMs) }
    this.#waiting.set(key, entry)
    if (!this.#busy) {
      this.#busy = true
      setImmediate(() => void this.#drain())
    }
    return promise
  }

  async #drain(): Promise<void> {
    while (this.#waiting.size > 0) {
      const batch = [...this.#waiting].slice(0, this.#max)
      for (const [key] of batch) this.#waiting.delete(key)
      await this.#answer(batch)
    }
    this.#busy = false
  }

  async #answer(batch: readonly (readonly [Key, Waiting<Value>])[]): Promise<void> {
    try {
      const loading = this.#load(batch.map(([key]) => key))
      // The last of the batch is the last to be refused. What a hung load answers later finds nobody waiting.
      const values = await Promise.race([loading, batch.at(-1)![1].promise])
      if (values instanceof Map) for (const [key, { resolve }] of batch) resolve(values.get(key))
    } catch (error) {
      for (const [, { reject }] of batch) reject(error)
    } finally {
      for (const [, { timer }] of batch) clearTimeout(timer)
    }
  }

  #refuse(key: Key, entry: Waiting<Value>): void {
    if (this.#waiting.get(key) === entry) this.#waiting.delete(key)
    entry.reject(new BrokerError('log_unavailable', { detail: 'a look-up timed out', retryAfterSeconds: 1 }))
  }
}

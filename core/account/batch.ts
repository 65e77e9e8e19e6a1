/**
 * Gathers look-ups: while one batch is under way, the next gathers, so any number of callers costs one round trip at a time.
 * `load` gets the distinct keys and answers a map; a key that is not in it resolves to undefined.
 */
export class BatchLoader<Key, Value> {
  readonly #load: (keys: readonly Key[]) => Promise<Map<Key, Value>>
  readonly #max: number
  #waiting = new Map<
    Key,
    { promise: Promise<Value | undefined>; resolve: (value: Value | undefined) => void; reject: (error: unknown) => void }
  >()
  #busy = false

  constructor(load: (keys: readonly Key[]) => Promise<Map<Key, Value>>, max = 512) {
    this.#load = load
    this.#max = max
  }

  load(key: Key): Promise<Value | undefined> {
    const found = this.#waiting.get(key)
    if (found) return found.promise
    const entry = Promise.withResolvers<Value | undefined>()
    this.#waiting.set(key, entry)
    if (!this.#busy) {
      this.#busy = true
      setImmediate(() => void this.#drain())
    }
    return entry.promise
  }

  async #drain(): Promise<void> {
    while (this.#waiting.size > 0) {
      const batch = [...this.#waiting].slice(0, this.#max)
      for (const [key] of batch) this.#waiting.delete(key)
      try {
        const values = await this.#load(batch.map(([key]) => key))
        for (const [key, entry] of batch) entry.resolve(values.get(key))
      } catch (error) {
        for (const [, entry] of batch) entry.reject(error)
      }
    }
    this.#busy = false
  }
}

/**
 * A bounded memory for the hot path: a hit is one look-up in a Map and changes nothing. (A list in order of use, as LRU
 * caches keep it, costs more than most of what is remembered here.)
 *
 * Entries live in two generations. When the young one is full it becomes the old one, and what was old and not asked for
 * since is forgotten. So anything asked for lately stays, and never more than `max` entries are held.
 */
export class GenerationCache<Key, Value extends object | string> {
  readonly #half: number
  #young = new Map<Key, Value>()
  #old = new Map<Key, Value>()

  /** max: at least 2. */
  constructor(max: number) {
    this.#half = Math.max(1, Math.floor(max / 2))
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(key: Key): Value | undefined {
    const value = this.#young.get(key)
    if (value !== undefined) return value
    const old = this.#old.get(key)
    if (old !== undefined) {
      this.#old.delete(key)
      this.set(key, old)
    }
    return old
  }

  set(key: Key, value: Value): void {
    this.#old.delete(key)
    this.#young.set(key, value)
    if (this.#young.size < this.#half) return
    this.#old = this.#young
    this.#young = new Map()
  }

  delete(key: Key): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }
}

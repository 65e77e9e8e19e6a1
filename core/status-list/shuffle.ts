// A random order of places that is made as it is walked through (Fisher and Yates): what is handed out tells nobody how many were
// handed out before, and no place comes twice.

/** How many places a list has. */
export const listPlaces = 2 ** 16

export class Shuffle {
  readonly #order: Uint16Array
  readonly #random: (below: number) => number
  #taken = 0

  /** random: evenly among 0 … below - 1. size: at most 2^16. */
  constructor(random: (below: number) => number, size: number = listPlaces) {
    this.#order = Uint16Array.from({ length: size }, (_, place) => place)
    this.#random = random
  }

  /** A place that was not taken before; undefined: all are. */
  take(): number | undefined {
    const left = this.#order.length - this.#taken
    if (left === 0) return undefined
    const at = this.#taken + this.#random(left)
    const place = this.#order[at]!
    this.#order[at] = this.#order[this.#taken]!
    this.#order[this.#taken++] = place
    return place
  }
}

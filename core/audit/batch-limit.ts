// How many events may share a commit: half of those that are at hand when there are most.
//
// Without a limit all who wait go in one batch, are answered at once and come back at once: the database rests while the next
// batch is prepared, and nobody prepares while it works. Two halves take turns and keep both busy: a few per cent more tokens.

/** How fast an earlier crowd is forgotten: by half within 140 commits. */
const decay = 0.995

export class BatchLimit {
  readonly #least: number
  readonly #most: number
  #crowd = 0

  /** least, most: bounds of the limit. */
  constructor(least: number, most: number) {
    this.#least = Math.min(least, most)
    this.#most = most
  }

  get events(): number {
    return Math.min(this.#most, Math.max(this.#least, Math.ceil(this.#crowd / 2)))
  }

  /** Takes into account how many events are at hand as a commit ends: its own and those that wait. */
  learn(events: number): void {
    this.#crowd = Math.max(events, this.#crowd * decay)
  }
}

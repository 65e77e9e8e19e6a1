// One clock for all processes of a machine: CLOCK_MONOTONIC. PostgreSQL tells the moment of a commit by the wall clock, so the
// distance of the two is taken, again and again, because the wall clock is slewed.

/** Milliseconds of the monotonic clock that all processes share, to the nanosecond. */
export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6

export class WallClock {
  readonly #samples: { readonly atMs: number; readonly offsetMs: number }[] = []

  /** Takes the distance once more; spins for up to a millisecond, until the wall clock ticks. */
  sample(): void {
    const before = Date.now()
    let wallMs = before
    while (wallMs === before) wallMs = Date.now()
    const atMs = nowMs()
    this.#samples.push({ atMs, offsetMs: wallMs - atMs })
  }

  /** wallMs: since the epoch. By the sample that was taken nearest to it. */
  toMonotonic(wallMs: number): number {
    let best = this.#samples[0]
    for (const sample of this.#samples) {
      const distance = Math.abs(sample.atMs + sample.offsetMs - wallMs)
      if (!best || distance < Math.abs(best.atMs + best.offsetMs - wallMs)) best = sample
    }
    if (!best) throw new Error('the wall clock was never looked at')
    return wallMs - best.offsetMs
  }
}

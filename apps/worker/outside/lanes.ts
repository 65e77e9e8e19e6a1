// Work that talks to others, some of whom are slow: so much at once and no more, and nobody waits for a round to be over.

export interface Lanes {
  /** Begins what is due and there is room for, without waiting for it. */
  tick(): Promise<void>
  /** Works until nothing is due. */
  drain(): Promise<void>
  /** Begins nothing more; resolves when what is under way is over. */
  finish(): Promise<void>
}

export interface Begun {
  /** What it belongs to, so that others of the same can wait. */
  readonly lane: string
  /** Never rejects. */
  readonly done: Promise<void>
}

/** begin: takes at most `room` pieces of work that are due and begins them. busy: a lane as often as it has work under way. */
export function createLanes(most: number, begin: (room: number, busy: readonly string[]) => Promise<readonly Begun[]>): Lanes {
  const underWay = new Map<Promise<void>, string>()
  let isFinishing = false
  const tick = async (): Promise<void> => {
    const room = most - underWay.size
    if (room <= 0 || isFinishing) return
    for (const { lane, done } of await begin(room, [...underWay.values()])) {
      const ending = done.then(() => {
        underWay.delete(ending)
        // Where there was something there may be more; what fails here is tried by the next round.
        tick().catch(() => {})
      })
      underWay.set(ending, lane)
    }
  }
  return {
    tick,
    async drain() {
      for (;;) {
        // Only a look at which nothing was under way, in nobody's way, shows that nothing is left.
        const wasIdle = underWay.size === 0
        await tick()
        if (underWay.size > 0) await Promise.race(underWay.keys())
        else if (wasIdle) return
      }
    },
    async finish() {
      isFinishing = true
      await Promise.all(underWay.keys())
    },
  }
}

// How far a stream has come: everything up to the cursor is settled (taken by the receiver, set aside, or nothing that it wants),
// and some of what lies ahead of it, since a receiver that polls may acknowledge in any order. Two values instead of a row for
// each event and stream.

export interface Progress {
  readonly cursor: number
  /** Settled ahead of the cursor: inclusive, ascending, never touching each other nor the cursor. */
  readonly ahead: readonly (readonly [from: number, to: number])[]
}

export const isSettled = ({ cursor, ahead }: Progress, epoch: number): boolean =>
  epoch <= cursor || ahead.some(([from, to]) => epoch >= from && epoch <= to)

/** The progress after these epochs, or ranges of them (inclusive), were settled too. Never goes back. */
export function settle(progress: Progress, settled: readonly (number | readonly [from: number, to: number])[]): Progress {
  const own = settled.map(one => (typeof one === 'number' ? ([one, one] as const) : one))
  const ranges = [...progress.ahead, ...own].sort(([a], [b]) => a - b)
  let { cursor } = progress
  const ahead: [number, number][] = []
  for (const [from, to] of ranges) {
    const last = ahead.at(-1)
    if (from <= cursor + 1) cursor = Math.max(cursor, to)
    else if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else ahead.push([from, to])
  }
  return { cursor, ahead }
}

/** What lies between these epochs, ascending, from `after` (exclusive) through `to` (inclusive). */
export function rangesBetween(after: number, to: number, epochs: readonly number[]): (readonly [number, number])[] {
  const ends = [...epochs.filter(epoch => epoch > after && epoch <= to), to + 1]
  return ends.map((end, i) => [(ends[i - 1] ?? after) + 1, end - 1] as const).filter(([from, last]) => from <= last)
}

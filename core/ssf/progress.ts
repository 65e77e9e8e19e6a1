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

/** The progress after these epochs were settled too. Never goes back. */
export function settle(progress: Progress, epochs: readonly number[]): Progress {
  const ranges = [...progress.ahead, ...epochs.map(epoch => [epoch, epoch] as const)].sort(([a], [b]) => a - b)
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

/** The progress after everything up to this epoch was settled. */
export const settleThrough = (progress: Progress, epoch: number): Progress =>
  settle({ ...progress, cursor: Math.max(progress.cursor, epoch) }, [])

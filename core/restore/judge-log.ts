// Whether the database still is what it was when its log was last sealed. What proves that it is not is a checkpoint kept outside
// of it: signed, and longer than the log, or of another tree.

import { Frontier, leafHash } from '#core/tlog/hash.ts'
import type { LogHead, SealedHead } from '#db/restore/forks.ts'

export type LogVerdict =
  /** The database continues what was sealed, or nothing was sealed yet. */
  | 'continues'
  /** It has lost what was sealed: an earlier state of it was restored, or somebody cut it short. */
  | 'shorter'
  /** It has other entries where these were sealed: it was restored and written on, or somebody changed it. */
  | 'different'

export interface LogEvidence {
  readonly head: LogHead
  /** The last checkpoint of that shard that is known outside of the database; undefined: none was ever kept. */
  readonly sealed: SealedHead | undefined
  /** Root that the database's own record of checkpoints has for that size; undefined: it has none. */
  readonly recordedRoot: string | undefined
  /** Root over the first entries as they stand in the database, base64. Slow where there are many. */
  readonly rootOf: (size: number) => Promise<string>
}

/**
 * The database's own record settles the ordinary start. Where it lacks the checkpoint, a sealer may have died between keeping it
 * outside and recording it, so the entries themselves are asked: nobody is shut out for that.
 */
export async function judgeLog({ head, sealed, recordedRoot, rootOf }: LogEvidence): Promise<LogVerdict> {
  if (sealed === undefined || sealed.size === 0) return 'continues'
  if (head.size < sealed.size) return 'shorter'
  if (recordedRoot !== undefined) return recordedRoot === sealed.root ? 'continues' : 'different'
  return (await rootOf(sealed.size)) === sealed.root ? 'continues' : 'different'
}

/** RFC 6962 root over entries that come in runs, base64. readLeaves: those from a position on, at most so many; none: there are no more. */
export async function rootOfEntries(
  size: number,
  readLeaves: (from: number, limit: number) => Promise<readonly Uint8Array[]>,
): Promise<string> {
  const frontier = new Frontier()
  while (frontier.size < size) {
    const leaves = await readLeaves(frontier.size, Math.min(5_000, size - frontier.size))
    if (leaves.length === 0) break
    for (const leaf of leaves) frontier.append(leafHash(leaf))
  }
  return frontier.root().toString('base64')
}

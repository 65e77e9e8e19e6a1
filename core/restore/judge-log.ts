// Whether the database still is what it was when its log was last sealed. What proves that it is not is a checkpoint kept outside
// of it: signed, and longer than the log, or of another tree.

import { Frontier, leafHash } from '#core/tlog/hash.ts'
import type { LogHead, SealedHead, UnknownLog } from '#db/restore/forks.ts'

export type LogVerdict =
  /** The database continues what was sealed, or nothing was sealed yet. */
  | 'continues'
  /** It has lost what was sealed: an earlier state of it was restored, or somebody cut it short. */
  | 'shorter'
  /** It has other entries where these were sealed: it was restored and written on, or somebody changed it. */
  | 'different'
  /** It goes on from what it knows to be sealed, and beside it a log was sealed that it has never heard of: it was restored, and not for the first time. */
  | 'forgetful'

export interface LogEvidence {
  readonly head: LogHead
  /** The last checkpoints of that shard that are known outside of the database, each by itself; none: none was ever kept. */
  readonly sealed: readonly SealedHead[]
  /** Logs that were sealed too and that the database does not know. */
  readonly unknown: readonly UnknownLog[]
  /** Root that the database's own record of checkpoints has for a size; undefined: it has none. */
  readonly recordedRoot: (sealed: SealedHead) => Promise<string | undefined>
  /** Root over the first entries as they stand in the database, base64. Slow where there are many. */
  readonly rootOf: (size: number) => Promise<string>
}

export interface LogJudgement {
  readonly verdict: LogVerdict
  /** The checkpoint that the verdict is about; where nothing contradicts, the longest one. */
  readonly sealed: SealedHead | undefined
}

/**
 * The database's own record settles the ordinary start. Where it lacks the checkpoint, a sealer may have died between keeping it
 * outside and recording it; where it has another one, somebody may have put that there. So then the entries themselves are asked: nobody is
 * shut out for a crash, or for a record that any process can write.
 */
export async function judgeLog(evidence: LogEvidence): Promise<LogJudgement> {
  const longestFirst = evidence.sealed.toSorted((a, b) => b.size - a.size)
  for (const sealed of longestFirst) {
    const verdict = await judgeOne(evidence, sealed)
    if (verdict !== 'continues') return { verdict, sealed }
  }
  return { verdict: evidence.unknown.length > 0 ? 'forgetful' : 'continues', sealed: longestFirst[0] }
}

async function judgeOne({ head, recordedRoot, rootOf }: LogEvidence, sealed: SealedHead): Promise<LogVerdict> {
  if (sealed.size === 0) return 'continues'
  if (head.size < sealed.size) return 'shorter'
  if ((await recordedRoot(sealed)) === sealed.root) return 'continues'
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

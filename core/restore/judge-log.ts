// Whether the database still is what it was when its log was last sealed. What proves that it is not is a checkpoint kept outside
// of it: signed, longer than the log or of another tree.

import type { LogHead, SealedHead } from '#db/restore/forks.ts'

export type LogVerdict =
  /** The database continues what was sealed, or nothing was sealed yet. */
  | { readonly kind: 'continues' }
  /** It has lost what was sealed: an earlier state of it was restored. */
  | { readonly kind: 'behind'; readonly sealed: SealedHead }
  /** It is another deployment's, or the checkpoint is: nothing follows from one for the other. */
  | { readonly kind: 'another_log'; readonly sealed: SealedHead }

export interface LogEvidence {
  readonly head: LogHead
  /** The last checkpoint that is known outside of the database; undefined: none was ever kept. */
  readonly sealed: SealedHead | undefined
  /** Root that the database's own record of checkpoints has for that size and shard; undefined: it has none. */
  readonly recordedRoot: string | undefined
  /** Shards that this database has left behind. */
  readonly earlierShards: readonly string[]
}

/**
 * The sealer records a checkpoint in the database before it keeps it anywhere else, so whatever stands outside stands inside too,
 * unless the database has forgotten it: also where it has grown beyond that size since.
 */
export function judgeLog({ head, sealed, recordedRoot, earlierShards }: LogEvidence): LogVerdict {
  if (sealed === undefined || sealed.size === 0) return { kind: 'continues' }
  if (sealed.shard !== head.shard)
    return earlierShards.includes(sealed.shard) ? { kind: 'continues' } : { kind: 'another_log', sealed }
  if (head.size < sealed.size || recordedRoot !== sealed.root) return { kind: 'behind', sealed }
  return { kind: 'continues' }
}

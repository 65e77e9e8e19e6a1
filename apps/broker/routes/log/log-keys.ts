// What `/log/keys` says: the keys of the log that is sealed now, and of those that a restore has ended, whose tiles and exports stay.

import type { SealedShard } from '#db/log/sealed-shard.ts'
import type { LogKey } from '#db/log/signers.ts'

interface ShownKey {
  /** As c2sp.org/signed-note writes it. */
  readonly key: string
  /** RFC 3339. */
  readonly since: string
  /** Left out: it signs. */
  readonly until?: string
  /** Signed note by which earlier keys named it (`core/tlog/handover.ts`). */
  readonly handover?: string
}

interface ShownLog {
  readonly origin: string
  readonly shard: string
  /** Every key that has signed it, the newest first: what an older checkpoint is signed by is among them. */
  readonly log: readonly string[]
  readonly keys: readonly ShownKey[]
}

/** keys: of every shard, the newest first. */
export function showLogKeys(
  sealed: SealedShard,
  keys: readonly LogKey[],
): ShownLog & { readonly witnesses: readonly string[]; readonly earlier: readonly ShownLog[] } {
  const { shard, origin, verifierKey, witnessKeys } = sealed
  const byShard = Map.groupBy(keys, key => key.shard)
  const shown = (byShard.get(shard) ?? []).map(show)
  // The sealer is heard of before it has written who signs.
  const log = [...new Set([...shown.map(({ key }) => key), verifierKey])]
  const earlier = [...byShard].filter(([each]) => each !== shard).map(([each, own]) => showEarlier(each, own.map(show)))
  return { origin, shard, log, keys: shown, witnesses: witnessKeys, earlier }
}

function showEarlier(shard: string, keys: readonly ShownKey[]): ShownLog {
  const log = keys.map(({ key }) => key)
  return { origin: log[0]!.slice(0, log[0]!.indexOf('+')), shard, log, keys }
}

const show = ({ verifierKey, since, until, handover }: LogKey): ShownKey => ({
  key: verifierKey,
  since: since.toISOString(),
  ...(until && { until: until.toISOString() }),
  ...(handover !== null && { handover }),
})

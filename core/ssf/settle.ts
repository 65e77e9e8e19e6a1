// What becomes of what was sent: taken, or set aside. One transaction, the stream's row held, so that two who tell of it at the same
// time come one after the other.

import { newUuid } from '#core/ids/id.ts'
import type { Trx } from '#db/connect.ts'
import { deleteLetters, setAside } from '#db/ssf/dead-letters.ts'
import { deleteNotices, type RevocationEventRow } from '#db/ssf/events.ts'
import { storeProgress } from '#db/ssf/progress.ts'
import type { StreamRow } from '#db/ssf/streams.ts'
import { type Progress, settle } from './progress.ts'

export interface Refused {
  readonly shard: string
  readonly event: RevocationEventRow
  readonly err: string
  readonly description: string | null
}

export interface Settlement {
  /** Of the feed as it is now; undefined: nothing of it is settled. */
  readonly shard: string | undefined
  /** Epochs that the receiver has taken, by the shard that they are of. */
  readonly taken: readonly { readonly shard: string; readonly epoch: number }[]
  readonly passed: readonly (readonly [number, number])[]
  readonly notices: readonly string[]
  readonly refused: readonly Refused[]
}

/** row: locked in this transaction. leaseSeconds: the sender goes on holding it for so long. */
export async function settleStream(
  trx: Trx,
  row: StreamRow,
  settlement: Settlement,
  options: { readonly nowMs: number; readonly leaseSeconds?: number },
): Promise<void> {
  const { shard = row.shard, taken, passed, notices, refused } = settlement
  const stream = { id: row.id, tenantId: row.tenant_id }
  for (const { event, ...rest } of refused) await setAside(trx, stream, { id: newUuid(options.nowMs), event, ...rest })
  for (const [of, epochs] of Map.groupBy(taken, one => one.shard))
    await deleteLetters(
      trx,
      row.id,
      of,
      epochs.map(({ epoch }) => epoch),
    )
  await deleteNotices(trx, row.id, notices)
  const before: Progress = shard === row.shard ? row : { cursor: 0, ahead: [] }
  const epochs = [...taken, ...refused.map(({ shard: of, event }) => ({ shard: of, epoch: event.epoch }))]
  const now = settle(before, [...epochs.filter(one => one.shard === shard).map(({ epoch }) => epoch), ...passed])
  const hasTaken = taken.length + notices.length + refused.length > 0
  if (!hasTaken && passed.length === 0 && shard === row.shard && options.leaseSeconds === undefined) return
  const moved = now.cursor > before.cursor || shard !== row.shard
  await storeProgress(trx, { ...stream, moved }, { shard, ...now }, { taken: hasTaken, leaseSeconds: options.leaseSeconds })
}

// What a stream of the feed carries: server-sent events (WHATWG HTML § 9.2), as bytes, made once for all streams of a tenant.

import { type FeedHead, formatPosition } from './feed-position.ts'

export interface FeedEntry {
  readonly epoch: number
  /** `<letter><match>.<least>.<until>` (core/revocation/entry.ts): no character that a JSON string would have to escape. */
  readonly text: string
}

/** Everything after `from - 1` up to `to`, but what has passed its `until`. */
export interface FeedBatch {
  readonly shard: string
  readonly from: number
  readonly to: number
  /** In the order of their epochs. */
  readonly entries: readonly FeedEntry[]
}

/** One event of a batch; whoever got it knows the feed up to `to`. */
export interface EntriesFrame {
  readonly from: number
  readonly to: number
  readonly bytes: Buffer
}

/** Events stay small enough for a reader to work on one at a time. */
const entriesPerFrame = 1_000

/** The batch as events without a gap between them. */
export function* entriesFrames({ shard, from, to, entries }: FeedBatch, most = entriesPerFrame): Generator<EntriesFrame> {
  let first = from
  for (let at = 0; first <= to; at += most) {
    const part = entries.slice(at, at + most)
    const isLast = at + most >= entries.length
    const last = isLast ? to : part.at(-1)!.epoch
    const texts = part.map(({ text }) => `"${text}"`).join(',')
    const data = `{"from":${first},"to":${last},"entries":[${texts}]}`
    yield {
      from: first,
      to: last,
      bytes: Buffer.from(`event: entries\nid: ${formatPosition({ shard, epoch: last })}\ndata: ${data}\n\n`),
    }
    first = last + 1
  }
}

/** What is left of a batch for somebody who knows the feed up to `epoch`. */
export const batchAfter = (batch: FeedBatch, epoch: number): FeedBatch => ({
  ...batch,
  from: Math.max(batch.from, epoch + 1),
  entries: batch.entries.filter(entry => entry.epoch > epoch),
})

export const heartbeatFrame = ({ epoch, databaseMs }: Pick<FeedHead, 'epoch' | 'databaseMs'>): Buffer =>
  Buffer.from(`event: heartbeat\ndata: {"epoch":${epoch},"time":${databaseMs}}\n\n`)

/** Take a new snapshot. */
export const resetFrame = Buffer.from('event: reset\ndata: {}\n\n')

/** How long to wait before coming back. */
export const retryFrame = (milliseconds: number): Buffer => Buffer.from(`retry: ${milliseconds}\n\n`)

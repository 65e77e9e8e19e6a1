// What streams that come back have missed. A thousand come at once when a proxy was restarted, each with another epoch: they are served
// by one read, from the earliest on, whose events are made once. The next read begins when this one has ended and as much time again
// has passed, so whoever asks without end, with whichever epochs, takes one connection for half of the time and no more.

import { setTimeout as delay } from 'node:timers/promises'
import { type EntriesFrame, entriesFrames, type FeedBatch } from './feed-frames.ts'
import type { FeedHead } from './feed-position.ts'
import type { FeedRead } from './tenant-feed.ts'

export interface CatchUp {
  readonly head: FeedHead
  readonly batch: FeedBatch
  readonly frames: readonly EntriesFrame[]
}

const longestRestMs = 250

export class CatchUps {
  readonly #read: (epoch: number) => Promise<FeedRead>
  readonly #mark: () => number
  #gathering: { from: number; readonly reading: Promise<CatchUp> } | undefined
  #before: Promise<unknown> = Promise.resolve()

  /** read: everything after an epoch. mark: monotonic milliseconds. */
  constructor(read: (epoch: number) => Promise<FeedRead>, mark: () => number) {
    this.#read = read
    this.#mark = mark
  }

  /** What came after `from`, and perhaps some before it, read after this call. Throws what the read throws. */
  after(from: number): Promise<CatchUp> {
    if (this.#gathering) {
      this.#gathering.from = Math.min(this.#gathering.from, from)
      return this.#gathering.reading
    }
    const reading = this.#before.then(() => this.#begin())
    this.#gathering = { from, reading }
    this.#before = this.#rest(reading)
    return reading
  }

  async #begin(): Promise<CatchUp> {
    const { from } = this.#gathering!
    this.#gathering = undefined
    const { head, entries } = await this.#read(from)
    const batch = { shard: head.shard, from: from + 1, to: head.epoch, entries }
    return { head, batch, frames: [...entriesFrames(batch)] }
  }

  async #rest(reading: Promise<CatchUp>): Promise<void> {
    await this.#before
    const began = this.#mark()
    await reading.catch(() => {})
    await delay(Math.min(longestRestMs, Math.max(0, this.#mark() - began)), undefined, { ref: false })
  }
}

// The open streams of one tenant, and the one reader that serves them all.
//
// Whoever hears of a new epoch calls `poke`. The first poke reads at once; while a read or the writing after it is under way the
// next pokes gather, and under load the reader rests for as long as the last round took, so that it never takes more than half of
// a core and an entry never waits for more than `longestRestMs`. A read always begins where the last one ended. So each entry is
// read once, made into bytes once, and goes out in order, no matter how often, how late or whether at all a poke comes: the
// heartbeat, each second, reads the head anyway, and what it finds new is sent before it.
//
// Streams are written to in slices, so that two thousand of them do not hold up whoever else this process serves.

import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { CatchUps } from './catch-ups.ts'
import { type EntriesFrame, entriesFrames, type FeedBatch, type FeedEntry, heartbeatFrame, resetFrame } from './feed-frames.ts'
import type { FeedHead } from './feed-position.ts'
import type { FeedStream } from './feed-stream.ts'

/** What came after an epoch, as of one moment. */
export interface FeedRead {
  readonly head: FeedHead
  readonly entries: readonly FeedEntry[]
  /** When the last of them was committed, on the database's clock; undefined: there is none. */
  readonly lastAtMs: number | undefined
}

/** The head of a feed, and when it was asked for on our own clock. */
export interface AskedHead extends FeedHead {
  readonly askedMark: number
}

export interface TenantFeedDeps {
  /** Everything after `epoch`. Throws when the primary cannot be read in time. */
  readonly readSince: (tenantId: string, epoch: number) => Promise<FeedRead>
  /** Monotonic milliseconds. */
  readonly mark: () => number
  /** Called when what a read has found is with all streams. */
  readonly onSent?: (sent: Pick<FeedRead, 'entries' | 'lastAtMs'>) => void
  /** Called where the feed stands before what its streams were told, under the same shard; they are told once it has resolved. */
  readonly onForgotten?: () => Promise<void>
}

const longestRestMs = 10
/** A heartbeat says what was read within this second. */
const headAgeMs = 1_000
const streamsPerSlice = 100

export class TenantFeed {
  readonly tenantId: string
  readonly streams = new Set<FeedStream>()
  readonly #deps: TenantFeedDeps
  #shard: string
  /** All up to here was sent to all, or is being sent. */
  #epoch: number
  /** All up to here was sent to all. */
  #sent: number
  /** When the question was asked whose answer was the last proof of being up to date. */
  #freshMark: number
  /** The highest epoch that was announced, and the one that the last heartbeat found. */
  #announced: number
  #found: number
  #isAsked = false
  /** What is known to come next without a read. */
  #offered: { readonly batch: FeedBatch; readonly atMs: number } | undefined
  #isRunning = false
  /** Who waits until the feed has come as far as an epoch, or cannot. */
  #waiting: { readonly epoch: number; readonly resolve: () => void }[] = []
  readonly #catchUps: CatchUps

  constructor(tenantId: string, head: AskedHead, deps: TenantFeedDeps) {
    this.tenantId = tenantId
    this.#deps = deps
    this.#shard = head.shard
    this.#epoch = head.epoch
    this.#sent = head.epoch
    this.#announced = head.epoch
    this.#found = head.epoch
    this.#freshMark = head.askedMark
    this.#catchUps = new CatchUps(epoch => deps.readSince(tenantId, epoch), deps.mark)
  }

  get epoch(): number {
    return this.#epoch
  }

  /** Milliseconds since all streams were last known to miss nothing. */
  get staleMs(): number {
    return this.#deps.mark() - this.#freshMark
  }

  /** Takes in a stream that knows the feed up to its epoch; resolves when it has caught up and had its first heartbeat. */
  async join(stream: FeedStream, head: AskedHead): Promise<void> {
    this.streams.add(stream)
    if (head.epoch > this.#epoch) this.poke()
    try {
      while (stream.isOpen && stream.epoch < Math.max(head.epoch, this.#epoch)) await this.#catchUp(stream)
      stream.isCatchingUp = false
      if (this.#deps.mark() - head.askedMark <= headAgeMs) stream.send(heartbeatFrame(head))
    } catch {
      // The database failed meanwhile. The reader comes back and says what it knows.
      stream.end()
    }
  }

  async #catchUp(stream: FeedStream): Promise<void> {
    const { head, batch, frames } = await this.#catchUps.after(stream.epoch)
    if (head.shard !== this.#shard || head.epoch < stream.epoch) {
      await this.#tellIfForgotten(head)
      return stream.end(resetFrame)
    }
    await stream.catchUpWith(batch, frames)
  }

  announce(epoch: number): void {
    this.#announced = Math.max(this.#announced, epoch)
    if (epoch > this.#epoch) this.poke()
  }

  /**
   * What was committed, by whoever knows it before it is announced. Taken where nothing is under way and it begins just where this
   * feed ends; else the announcement leads to it. The batch must be committed, and whole.
   * atMs: when, on the database's clock.
   */
  offer(batch: FeedBatch, atMs: number): void {
    if (this.#isRunning || !this.#follows(batch)) return
    this.#offered = { batch, atMs }
    this.poke()
  }

  #follows({ shard, from }: FeedBatch): boolean {
    return shard === this.#shard && from === this.#epoch + 1
  }

  /** Whether what the last heartbeat found, a while ago, was never announced; said once. */
  missedAnnouncement(): boolean {
    const isMissed = this.#found > this.#announced
    this.#announced = Math.max(this.#announced, this.#found)
    return isMissed
  }

  /** There may be something new. */
  poke(): void {
    this.#isAsked = true
    if (!this.#isRunning) void this.#run()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#isAsked) {
      this.#isAsked = false
      const began = this.#deps.mark()
      // After a failure the next heartbeat asks again; if it cannot, the streams are closed.
      const isRead = await this.#readOn().catch(() => false)
      this.#waiting = this.#waiting.filter(({ epoch, resolve }) => {
        if (!isRead || epoch <= this.#sent) resolve()
        return isRead && epoch > this.#sent
      })
      if (this.#isAsked) await delay(Math.min(longestRestMs, this.#deps.mark() - began))
    }
    this.#isRunning = false
  }

  /** Reads what is new and gives it to all. false: all have to begin anew. */
  async #readOn(): Promise<boolean> {
    const offered = this.#offered
    this.#offered = undefined
    if (offered && this.#follows(offered.batch)) {
      await this.#pass(offered.batch)
      this.#deps.onSent?.({ entries: offered.batch.entries, lastAtMs: offered.atMs })
      return true
    }
    const from = this.#epoch
    const { head, entries, lastAtMs } = await this.#deps.readSince(this.tenantId, from)
    if (head.shard !== this.#shard || head.epoch < from) {
      await this.#reset(head)
      return false
    }
    if (head.epoch === from) return true
    await this.#pass({ shard: this.#shard, from: from + 1, to: head.epoch, entries })
    this.#deps.onSent?.({ entries, lastAtMs })
    return true
  }

  async #pass(batch: FeedBatch): Promise<void> {
    const frames = [...entriesFrames(batch)]
    this.#epoch = batch.to
    await this.#toAll(stream => this.#give(stream, batch, frames))
    this.#sent = batch.to
  }

  #give(stream: FeedStream, batch: FeedBatch, frames: readonly EntriesFrame[]): void {
    // It cannot lack anything before the batch; if it did, coming back is what mends it.
    if (!stream.isCatchingUp && !stream.sendBatch(batch, frames)) stream.end()
  }

  /**
   * Passes on where the primary stood when it was asked. What is new goes out first, so a heartbeat never speaks of an epoch that
   * was not sent. epochBefore: of this feed when the question left; a database that is behind it has forgotten something.
   */
  async beat(head: AskedHead, epochBefore: number): Promise<void> {
    if (head.shard !== this.#shard || head.epoch < epochBefore) return this.#reset(head)
    this.#found = head.epoch
    if (head.epoch > this.#sent) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiting.push({ epoch: head.epoch, resolve })
      this.poke()
      await promise
    }
    // There was a reset meanwhile, or the read failed.
    if (head.shard !== this.#shard || head.epoch > this.#sent) return
    this.#freshMark = Math.max(this.#freshMark, head.askedMark)
    const bytes = heartbeatFrame(head)
    await this.#toAll(stream => {
      if (!stream.isCatchingUp && stream.epoch >= head.epoch) stream.send(bytes)
    })
  }

  /** What the streams were told is not what the database holds any more: all take a new snapshot. */
  async #reset(head: FeedHead): Promise<void> {
    await this.#tellIfForgotten(head)
    this.#shard = head.shard
    this.#epoch = head.epoch
    this.#sent = head.epoch
    this.#announced = head.epoch
    this.#found = head.epoch
    for (const stream of this.streams) stream.end(resetFrame)
  }

  /** Whoever serves this feed may have to be silent from here on, rather than say what an earlier state of the database says. */
  async #tellIfForgotten(head: FeedHead): Promise<void> {
    if (head.shard === this.#shard) await this.#deps.onForgotten?.().catch(() => {})
  }

  async #toAll(send: (stream: FeedStream) => void): Promise<void> {
    let count = 0
    for (const stream of this.streams) {
      send(stream)
      if (++count % streamsPerSlice === 0) await nextTurn()
    }
  }
}

// One open stream. It remembers how much of the feed it has been given, so that no entry reaches it twice or out of order,
// whoever sends it: the catch-up after connecting, or what is sent to all.

import { setTimeout as delay } from 'node:timers/promises'
import { batchAfter, type EntriesFrame, entriesFrames, type FeedBatch } from './feed-frames.ts'

/** Where a stream's bytes go. */
export interface FeedSink {
  write(bytes: Buffer): void
  /** Of what was written, what the other side has not taken yet. */
  unsentBytes(): number
  /** Says goodbye properly. */
  end(lastBytes?: Buffer): void
  /** Drops it at once, with what is unsent. */
  cut(): void
}

/** Who reads. uuids. */
export interface FeedReader {
  readonly tenantId: string
  readonly resourceId: string
  readonly credentialId: string
}

/** A reader that leaves more than this lying has fallen behind for good: it comes back and says what it knows. */
const unsentBytesLimit = 1024 * 1024
/** What it has missed it gets as fast as it takes it: so much may lie, for so long. */
const catchUpBytes = 64 * 1024
const catchUpPatience = 200
const lookAgainMs = 50

export class FeedStream {
  readonly reader: FeedReader
  readonly #sink: FeedSink
  /** It knows the feed up to here. */
  #epoch: number
  #isOpen = true
  /** What is sent to all passes it by until it has caught up. */
  isCatchingUp = true

  constructor(reader: FeedReader, sink: FeedSink, epoch: number) {
    this.reader = reader
    this.#sink = sink
    this.#epoch = epoch
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get epoch(): number {
    return this.#epoch
  }

  /** Sends what of the batch it does not know. frames: those of the whole batch. false: it lacks what comes before the batch. */
  sendBatch(batch: FeedBatch, frames: readonly EntriesFrame[]): boolean {
    if (batch.from > this.#epoch + 1) return false
    for (const frame of this.#unknown(batch, frames)) if (!this.#sendFrame(frame)) return true
    return true
  }

  /** The same at the reader's pace, for whoever missed much. Resolves when all is sent, or the stream is closed. */
  async catchUpWith(batch: FeedBatch, frames: readonly EntriesFrame[]): Promise<void> {
    for (const frame of this.#unknown(batch, frames)) {
      if (!this.#sendFrame(frame)) return
      for (let looks = 0; this.#isOpen && this.#sink.unsentBytes() > catchUpBytes; looks++) {
        if (looks === catchUpPatience) return this.cut()
        await delay(lookAgainMs, undefined, { ref: false })
      }
    }
  }

  /** Whole frames as they are, for all the same; of the one that begins before what it knows, the rest. */
  *#unknown(batch: FeedBatch, frames: readonly EntriesFrame[]): Generator<EntriesFrame> {
    const known = this.#epoch
    for (const frame of frames) {
      if (frame.to <= known) continue
      if (frame.from > known) yield frame
      else
        yield* entriesFrames(
          batchAfter({ ...batch, to: frame.to, entries: entriesBetween(batch.entries, known, frame.to) }, known),
        )
    }
  }

  #sendFrame({ bytes, to }: EntriesFrame): boolean {
    if (!this.send(bytes)) return false
    this.#epoch = to
    return true
  }

  /** false: it is closed, perhaps because it left too much unread. */
  send(bytes: Buffer): boolean {
    if (!this.#isOpen) return false
    this.#sink.write(bytes)
    if (this.#sink.unsentBytes() <= unsentBytesLimit) return true
    this.cut()
    return false
  }

  /** lastBytes: a whole event, or undefined. */
  end(lastBytes?: Buffer): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#sink.end(lastBytes)
  }

  cut(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#sink.cut()
  }

  /** The other side has gone. */
  noteClosed(): void {
    this.#isOpen = false
  }
}

/** After `from` up to `to`. entries: in order. */
function entriesBetween(entries: FeedBatch['entries'], from: number, to: number): FeedBatch['entries'] {
  const begin = entries.findIndex(({ epoch }) => epoch > from)
  const end = begin < 0 ? begin : entries.findIndex(({ epoch }, at) => at >= begin && epoch > to)
  return begin < 0 ? [] : entries.slice(begin, end < 0 ? undefined : end)
}

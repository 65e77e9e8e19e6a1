// What a guard begins with: everything of its tenant's feed that may still match a token.
//
// The head is asked of the primary for each request, so that a snapshot is never older than the question; the entries are read
// again only when the head has moved, or now and then, to leave out what has ended meanwhile.
//
// It may be megabytes, and all guards of a tenant may ask for it in one second: they get one copy, in pieces, so that it goes out as
// each of them takes it.

import { LRUCache } from 'lru-cache'
import type { FeedHead } from './feed-position.ts'
import type { AskedHead, FeedRead } from './tenant-feed.ts'

export interface SnapshotDeps {
  /** Asked of the primary after the call. */
  readonly head: (tenantId: string) => Promise<AskedHead>
  /** Everything of a tenant, as of one moment. */
  readonly readAll: (tenantId: string) => Promise<Pick<FeedRead, 'head' | 'entries'>>
  /** Monotonic milliseconds. */
  readonly mark: () => number
}

interface Kept {
  readonly head: FeedHead
  /** A JSON array, UTF-8. */
  readonly entries: Buffer
  readonly madeMark: number
}

/** JSON, UTF-8. */
export interface SnapshotBody {
  readonly bytes: number
  readonly pieces: Iterable<Buffer>
}

const mostBytes = 64 * 1024 * 1024
const pieceBytes = 64 * 1024
const keptForMs = 60_000

export class FeedSnapshots {
  readonly #deps: SnapshotDeps
  readonly #kept = new LRUCache<string, Kept>({ maxSize: mostBytes, sizeCalculation: ({ entries }) => entries.length + 100 })
  readonly #reading = new Map<string, Promise<Kept>>()

  constructor(deps: SnapshotDeps) {
    this.#deps = deps
  }

  /** The body of the answer. Throws what the reads throw. */
  async get(tenantId: string): Promise<SnapshotBody> {
    const head = await this.#deps.head(tenantId)
    let kept = this.#kept.get(tenantId)
    if (!kept || !isAsOf(kept, head) || this.#deps.mark() - kept.madeMark > keptForMs) {
      kept = await this.#read(tenantId)
      // It was under way before the head was asked.
      if (kept.head.shard !== head.shard || kept.head.epoch < head.epoch) kept = await this.#read(tenantId)
    }
    const databaseMs = Math.max(head.databaseMs, kept.head.databaseMs)
    const first = Buffer.from(`{"shard":"${kept.head.shard}","epoch":${kept.head.epoch},"time":${databaseMs},"entries":`)
    return { bytes: first.length + kept.entries.length + end.length, pieces: piecesOf(first, kept.entries) }
  }

  #read(tenantId: string): Promise<Kept> {
    let reading = this.#reading.get(tenantId)
    if (!reading) {
      reading = this.#readAnew(tenantId).finally(() => this.#reading.delete(tenantId))
      this.#reading.set(tenantId, reading)
    }
    return reading
  }

  async #readAnew(tenantId: string): Promise<Kept> {
    const madeMark = this.#deps.mark()
    const { head, entries } = await this.#deps.readAll(tenantId)
    const kept = { head, entries: Buffer.from(`[${entries.map(({ text }) => `"${text}"`).join(',')}]`), madeMark }
    this.#kept.set(tenantId, kept)
    return kept
  }
}

const end = Buffer.from('}')

function* piecesOf(first: Buffer, entries: Buffer): Generator<Buffer> {
  yield first
  for (let at = 0; at < entries.length; at += pieceBytes) yield entries.subarray(at, at + pieceBytes)
  yield end
}

const isAsOf = (kept: Kept, { shard, epoch }: FeedHead): boolean => kept.head.shard === shard && kept.head.epoch === epoch

// The feed of revocations as this process serves it: all open streams, by tenant.
//
// A revocation is announced by NOTIFY when it commits; `poke` passes that on. Each second `beat` asks the primary for the heads of
// all feeds that somebody reads, which carries the heartbeat and finds what no NOTIFY told of. Feeds that could not be read for two
// seconds lose their streams (`closeStale`): a guard then knows that it hears nothing, and its own bound begins to run.

import { BrokerError } from '#core/errors/broker-error.ts'
import { BatchLoader } from '#core/memory/batch-loader.ts'
import { type FeedBatch, resetFrame, retryFrame } from './feed-frames.ts'
import type { FeedHead, FeedPosition } from './feed-position.ts'
import { type FeedReader, type FeedSink, FeedStream } from './feed-stream.ts'
import { findPlace } from './places.ts'
import { type AskedHead, TenantFeed, type TenantFeedDeps } from './tenant-feed.ts'

export interface FeedHubDeps extends Omit<TenantFeedDeps, 'onSent'> {
  /** Of the primary, in one round trip. Throws when it cannot be read in time. */
  readonly readHeads: (tenantIds: readonly string[]) => Promise<readonly (FeedHead & { readonly tenantId: string })[]>
  /** Of these credentials, those that have not ended. */
  readonly findLiveCredentials: (ids: readonly string[]) => Promise<ReadonlySet<string>>
  readonly maxStreams: number
  readonly metrics?: FeedMetrics
}

/** What happens, for who counts it. */
export interface FeedMetrics {
  /** Entries are with all streams of their tenant. lastAtMs: when the last was committed, on the database's clock. */
  sent(entries: number, lastAtMs: number | undefined): void
  /** A stream was ended by us. */
  ended(reason: FeedEnd): void
  /** A heartbeat found what no notification had told of a second before. */
  missed(): void
}

export type FeedEnd = 'stale' | 'credential' | 'displaced' | 'shutdown'

/** A tenant whose feed may be read now. */
export interface Admission {
  readonly reader: FeedReader
  readonly position: FeedPosition
  readonly head: AskedHead
}

/** With the time until the next look at it, two seconds. */
const staleMs = 1_800
/** Whoever missed more takes a snapshot, which is never longer than what it replaces. */
const mostBehind = 20_000
/** Streams of a process that ends come back somewhere else, spread over this time. */
const comeBackWithinMs = 1_000

export class FeedHub {
  readonly #deps: FeedHubDeps
  readonly #feeds = new Map<string, TenantFeed>()
  /** In the order in which they came. */
  readonly #streams = new Map<FeedStream, TenantFeed>()
  readonly #heads: BatchLoader<string, AskedHead>
  #closed = false

  constructor(deps: FeedHubDeps) {
    this.#deps = deps
    this.#heads = new BatchLoader(tenantIds => this.#ask(tenantIds))
  }

  get openStreams(): number {
    return this.#streams.size
  }

  /** Milliseconds since the feed that is worst off was known to be up to date; 0 without streams. */
  get staleMs(): number {
    return Math.max(0, ...[...this.#feeds.values()].map(feed => feed.staleMs))
  }

  /** The head of a tenant's feed, asked of the primary after this call. Throws BrokerError `feed_unavailable`. */
  async head(tenantId: string): Promise<AskedHead> {
    const head = await this.#heads.load(tenantId).catch(cause => {
      throw unavailable(cause)
    })
    if (!head) throw new BrokerError('internal', { detail: 'a tenant without a feed' })
    return head
  }

  /** Whether a stream may be opened. Throws BrokerError `overloaded` (all places taken) or `feed_unavailable`. */
  async admit(reader: FeedReader, position: FeedPosition): Promise<Admission> {
    this.#findRoom(reader)
    const head = await this.head(reader.tenantId)
    if (position.shard === head.shard && position.epoch > head.epoch) await this.#deps.onForgotten?.().catch(() => {})
    return { reader, position, head }
  }

  /** Opens it; `closed` must be called when the other side has gone. Throws BrokerError `overloaded` before it asks for the sink. */
  open({ reader, position, head }: Admission, openSink: () => FeedSink): { closed(): void } {
    const displaced = this.#findRoom(reader)
    const stream = new FeedStream(reader, openSink(), position.epoch)
    const isKnown = position.shard === head.shard && position.epoch <= head.epoch && head.epoch - position.epoch <= mostBehind
    if (!isKnown) {
      stream.end(resetFrame)
      return { closed: () => {} }
    }
    if (displaced) this.#end(displaced, 'displaced')
    const feed = this.#feedOf(reader.tenantId, head)
    this.#streams.set(stream, feed)
    void feed.join(stream, head)
    return { closed: () => this.#remove(stream) }
  }

  /** Whose place a newcomer takes; undefined: one is free. */
  #findRoom(reader: FeedReader): FeedStream | undefined {
    if (this.#closed) throw unavailable('this process ends')
    if (this.#streams.size < this.#deps.maxStreams) return undefined
    const place = findPlace(this.#streams.keys(), reader)
    if (place) return place
    const hint = 'This broker serves as many streams of the feed as it may.'
    throw new BrokerError('overloaded', { hint, retryAfterSeconds: 5 })
  }

  #feedOf(tenantId: string, head: AskedHead): TenantFeed {
    let feed = this.#feeds.get(tenantId)
    if (!feed) {
      const { readSince, mark, metrics, onForgotten } = this.#deps
      const onSent: TenantFeedDeps['onSent'] = ({ entries, lastAtMs }) => metrics?.sent(entries.length, lastAtMs)
      feed = new TenantFeed(tenantId, head, { readSince, mark, onSent, ...(onForgotten && { onForgotten }) })
      this.#feeds.set(tenantId, feed)
    }
    return feed
  }

  #remove(stream: FeedStream): void {
    const feed = this.#streams.get(stream)
    stream.noteClosed()
    this.#streams.delete(stream)
    feed?.streams.delete(stream)
    if (feed?.streams.size === 0 && this.#feeds.get(feed.tenantId) === feed) this.#feeds.delete(feed.tenantId)
  }

  /** It was announced that a tenant's feed has come to an epoch. */
  announce(tenantId: string, epoch: number): void {
    this.#feeds.get(tenantId)?.announce(epoch)
  }

  /** What a commit of this process has just told a tenant's feed, at `atMs` of the database's clock: the read for it can be saved. */
  offer(tenantId: string, batch: FeedBatch, atMs: number): void {
    this.#feeds.get(tenantId)?.offer(batch, atMs)
  }

  /** Any feed may have moved: we did not listen for a while. */
  pokeAll(): void {
    for (const feed of this.#feeds.values()) feed.poke()
  }

  /**
   * The heartbeat of every feed, after what is new. Resolves when the primary has answered, with what is then under way for each
   * feed, so that no tenant waits for another one. Throws when the primary cannot be read.
   */
  async beat(): Promise<readonly Promise<void>[]> {
    const feeds = [...this.#feeds.values()].map(feed => ({ feed, epoch: feed.epoch }))
    if (feeds.length === 0) return []
    const heads = await this.#ask(feeds.map(({ feed }) => feed.tenantId))
    return feeds.map(async ({ feed, epoch }) => {
      const head = heads.get(feed.tenantId)
      if (!head) return
      if (feed.missedAnnouncement()) this.#deps.metrics?.missed()
      await feed.beat(head, epoch)
    })
  }

  /** Ends the streams of feeds that were not known to be up to date for two seconds. */
  closeStale(): void {
    for (const feed of this.#feeds.values())
      if (feed.staleMs > staleMs) for (const stream of feed.streams) this.#end(stream, 'stale')
  }

  /** Ends the streams of credentials that have ended. */
  async dropEnded(): Promise<void> {
    const ids = new Set(Array.from(this.#streams.keys(), ({ reader }) => reader.credentialId))
    if (ids.size === 0) return
    const live = await this.#deps.findLiveCredentials([...ids])
    for (const stream of this.#streams.keys())
      if (ids.has(stream.reader.credentialId) && !live.has(stream.reader.credentialId)) this.#end(stream, 'credential')
  }

  /** Ends every stream with the time after which to come back; none is opened any more. */
  close(): void {
    this.#closed = true
    for (const stream of this.#streams.keys())
      this.#end(stream, 'shutdown', retryFrame(Math.ceil(Math.random() * comeBackWithinMs)))
  }

  #end(stream: FeedStream, reason: FeedEnd, lastBytes?: Buffer): void {
    if (!stream.isOpen) return
    this.#deps.metrics?.ended(reason)
    stream.end(lastBytes)
    this.#remove(stream)
  }

  async #ask(tenantIds: readonly string[]): Promise<Map<string, AskedHead>> {
    const askedMark = this.#deps.mark()
    const heads = await this.#deps.readHeads(tenantIds)
    return new Map(heads.map(head => [head.tenantId, { ...head, askedMark }]))
  }
}

const unavailable = (cause: unknown): BrokerError => new BrokerError('feed_unavailable', { cause, retryAfterSeconds: 1 })

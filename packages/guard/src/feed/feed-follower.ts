// Keeps what is revoked, from the broker's feed, and knows how far behind it may be.
//
//   snapshot ──▶ stream from there ──▶ (entries, heartbeats) ──▶ the stream ends ──▶ stream from where it stopped
//      ▲                                                                               │
//      └────── a gap, a reset, what is not understood, a refusal, or silence ──────────┘
//
// Silence leads back to a snapshot, because behind a proxy that holds the stream back only snapshots arrive: then this polls,
// every few seconds, and is as fresh as that. What was confirmed stays confirmed until it is too old; a broken connection
// refuses nobody before that, and lets nobody in after.

import type { BrokerConnection } from '../broker/broker-connection.ts'
import { type Credential, endpoint, secretOf } from '../replay/consume.ts'
import { Acknowledger } from './acknowledger.ts'
import { EventStreams, type StreamEnd } from './event-stream.ts'
import { clocksAgree, Freshness, type Moment, type StaleReason } from './freshness.ts'
import { type FeedMessage, type Position, parseMessage, parseSnapshot } from './messages.ts'
import { retryAfter } from './response-head.ts'
import { RevocationIndex } from './revocation-index.ts'

/** What following needs. */
export interface FeedOptions {
  readonly connection: BrokerConnection
  readonly issuer: string
  readonly credential: Credential
  readonly ca: string | Buffer | readonly (string | Buffer)[] | undefined
  /** For a snapshot, and for the head of a stream. */
  readonly timeoutMs: number
  readonly maxStaleMs: number
  readonly maxEntries: number
  /** This guard's name, and this process's id, in acknowledgements. */
  readonly guard: string
  readonly instance: string
  readonly wallMs: () => number
}

/** The feed's state, for `stats()`. */
export interface FeedState {
  readonly fresh: boolean
  /** Why not, where it is not. */
  readonly reason: StaleReason | undefined
  /** Milliseconds since everything was known; undefined where it never was. */
  readonly ageMs: number | undefined
  readonly shard: string | undefined
  readonly epoch: number | undefined
  /** The epoch that the broker knows this guard to have reached. */
  readonly acknowledgedEpoch: number | undefined
  readonly entries: number
  /** Since the start: snapshots taken, streams opened, gaps found. */
  readonly snapshots: number
  readonly streams: number
  readonly gaps: number
  /** Status of the last answer that was not the feed; 0 where none came. */
  readonly lastFailure: number | undefined
  /** How far this machine's clock is ahead of the broker's, in milliseconds, travel included. */
  readonly clockOffMs: number | undefined
}

const idleMs = 3000
const mostBackOffMs = 3000
/** A stream that held for so long was a good one. Every stream begins with a heartbeat, so the first one tells nothing of that. */
const steadyMs = 900
const forgetEachMs = 900
/** As many heartbeats in a row may tell of entries that did not come. */
const patience = 3
const mostSnapshotBytes = 64 * 1024 * 1024

/** Follows one tenant's feed from its making until `close`. */
export class FeedFollower {
  readonly index: RevocationIndex
  readonly #options: FeedOptions
  readonly #freshness: Freshness
  readonly #acknowledger: Acknowledger
  readonly #eventStreams: EventStreams
  readonly #closing = new AbortController()
  #starting: Promise<void> | undefined
  #hasStarted: () => void = () => {}
  #position: Position | undefined
  #beatsBehind = 0
  #failures = 0
  /** When the last stream was asked for, on the monotonic clock. */
  #askedAtMs = 0
  #forgotAtMs = Number.NEGATIVE_INFINITY
  #snapshots = 0
  #streams = 0
  #gaps = 0
  #lastFailure: number | undefined
  #wake: () => void = () => {}

  constructor(options: FeedOptions) {
    this.#options = options
    this.index = new RevocationIndex(options.maxEntries)
    this.#freshness = new Freshness(options.maxStaleMs)
    this.#acknowledger = new Acknowledger(position => this.#acknowledge(position))
    const ca = options.ca as string | Buffer | (string | Buffer)[] | undefined
    this.#eventStreams = new EventStreams(ca)
    this.#starting = new Promise(resolve => {
      this.#hasStarted = () => {
        this.#starting = undefined
        resolve()
      }
    })
    void this.#run()
  }

  /** Whether everything is known that was revoked up to `maxStaleMs` ago. */
  get isFresh(): boolean {
    return this.#freshness.isFresh(this.#now())
  }

  /** Until the first attempt is over, well or badly: then a guard may wait for that instead of refusing. */
  get starting(): Promise<void> | undefined {
    return this.#starting
  }

  state(): FeedState {
    const ageMs = this.#freshness.ageMs(this.#now())
    return {
      fresh: this.isFresh,
      reason: this.isFresh ? undefined : this.#freshness.reason,
      ageMs: Number.isFinite(ageMs) ? ageMs : undefined,
      shard: this.#position?.shard,
      epoch: this.#position?.epoch,
      acknowledgedEpoch: this.#acknowledger.acknowledged?.epoch,
      entries: this.index.size,
      snapshots: this.#snapshots,
      streams: this.#streams,
      gaps: this.#gaps,
      lastFailure: this.#lastFailure,
      clockOffMs: this.#freshness.offMs,
    }
  }

  /** Says goodbye, so that nobody who revokes waits for this guard; resolves when that was tried. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#freshness.lose('not_connected')
    this.#acknowledger.close()
    this.#wake()
    this.#hasStarted()
    if (this.#position) await this.#acknowledge(this.#position, true).catch(() => {})
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      let waitMs: number | undefined
      try {
        waitMs = (this.#position ? undefined : await this.#takeSnapshot()) ?? (await this.#follow())
      } catch {
        // The credential could not be read, or no answer came.
        this.#lastFailure = 0
      }
      this.#failures += 1
      this.#hasStarted()
      await this.#pause(waitMs)
    }
  }

  /** Undefined where it was taken; else how long the broker wants to be left alone. */
  async #takeSnapshot(): Promise<number | undefined> {
    const { connection, issuer } = this.#options
    const from = this.#now()
    const headers = await this.#authorization()
    const answer = await connection.get(endpoint(issuer, 'v1/feed/snapshot'), { headers, maxBytes: mostSnapshotBytes })
    const snapshot = answer.status === 200 ? parseSnapshot(answer.body) : undefined
    if (!snapshot) {
      this.#lastFailure = answer.status
      return retryAfter(answer.retryAfter).retryAfterMs ?? 0
    }
    const at = this.#now()
    this.#snapshots += 1
    if (clocksAgree(snapshot.databaseMs, at, from)) {
      // What has ended must not be why the rest finds no room.
      this.index.forgetAllEnded(Math.min(at.wallMs, snapshot.databaseMs) / 1000)
    }
    if (!this.index.add(snapshot.entries)) {
      this.#freshness.lose('too_many_entries')
      return 0
    }
    this.#moveTo(snapshot)
    this.#freshness.confirm(snapshot.databaseMs, at, from)
    this.#hasStarted()
    return undefined
  }

  /** Reads one stream to its end. Resolves to how long the broker wants to be left alone, where it said so. */
  async #follow(): Promise<number | undefined> {
    const { issuer, timeoutMs } = this.#options
    const { shard, epoch } = this.#position!
    this.#askedAtMs = performance.now()
    const end = await this.#eventStreams.read({
      url: `${endpoint(issuer, 'v1/feed')}?since=${encodeURIComponent(`${shard}.${epoch}`)}`,
      headers: await this.#authorization(),
      timeoutMs,
      idleMs,
      signal: this.#closing.signal,
      onEvent: event => this.#take(parseMessage(event)),
    })
    this.#countEnd(end)
    return end.retryAfterMs
  }

  #countEnd(end: StreamEnd): void {
    if (end.opened) this.#streams += 1
    else this.#lastFailure = end.status ?? 0
    if (isDeadEnd(end)) this.#position = undefined
  }

  /** Whether the stream goes on. */
  #take(message: FeedMessage | undefined): boolean {
    const position = this.#position
    if (!message || !position || message.type === 'reset') return this.#startAnew()
    if (message.type === 'heartbeat') return this.#takeHeartbeat(message, position)
    if (message.shard !== position.shard || message.from !== position.epoch + 1) return this.#startAnew()
    if (!this.index.add(message.entries)) {
      this.#freshness.lose('too_many_entries')
      return this.#startAnew()
    }
    this.#moveTo({ shard: message.shard, epoch: message.to })
    return true
  }

  #takeHeartbeat(beat: { readonly epoch: number; readonly databaseMs: number }, position: Position): boolean {
    const at = this.#now()
    if (position.epoch < beat.epoch) {
      this.#freshness.doubt('behind')
      this.#beatsBehind += 1
      return this.#beatsBehind < patience || this.#startAnew()
    }
    this.#beatsBehind = 0
    if (at.monotonicMs - this.#askedAtMs >= steadyMs) this.#failures = 0
    // A heap of heartbeats at once must not be a heap of rounds.
    if (this.#freshness.confirm(beat.databaseMs, at) && at.monotonicMs - this.#forgotAtMs >= forgetEachMs) {
      this.#forgotAtMs = at.monotonicMs
      this.index.forgetEnded(Math.min(at.wallMs, beat.databaseMs) / 1000)
    }
    return true
  }

  #startAnew(): false {
    this.#gaps += 1
    this.#position = undefined
    return false
  }

  #moveTo({ shard, epoch }: Position): void {
    this.#position = { shard, epoch }
    this.#beatsBehind = 0
    this.#acknowledger.applied(this.#position)
  }

  async #acknowledge({ shard, epoch }: Position, leaving?: true): Promise<number> {
    const { connection, issuer, credential, guard, instance } = this.#options
    const body = { guard, instance, shard, epoch, leaving }
    return (await connection.post(endpoint(issuer, 'v1/feed/acknowledgements'), body, await secretOf(credential))).status
  }

  async #authorization(): Promise<Readonly<Record<string, string>>> {
    return { authorization: `Bearer ${await secretOf(this.#options.credential)}` }
  }

  #now(): Moment {
    return { monotonicMs: performance.now(), wallMs: this.#options.wallMs() }
  }

  /** Jitter, because a broker that went away left many guards behind at the same moment. */
  #pause(askedMs = 0): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.resolve()
    // Never so long that what is known grows too old for want of asking.
    const mostMs = Math.min(mostBackOffMs, this.#options.maxStaleMs / 4)
    const backOffMs = 50 * 2 ** Math.min(this.#failures, 6)
    const waitMs = Math.min(Math.max(backOffMs, askedMs), mostMs) * (0.5 + Math.random() / 2)
    return new Promise(resolve => {
      const timer = setTimeout(resolve, waitMs).unref()
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/**
 * Whether asking for the same again would perhaps end in the same way for ever. Not where it is the credential that is refused, or
 * the moment.
 */
function isDeadEnd({ why, status = 0 }: StreamEnd): boolean {
  if (why !== 'refused') return why === 'silent' || why === 'broken'
  return status === 200 || (status >= 400 && status < 500 && ![401, 403, 408, 429].includes(status))
}

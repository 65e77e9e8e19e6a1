// Those who follow the log at this process. They hold a connection each for as long as they like, so there are only so many of them, and
// only so many of one tenant, fewer when few places are left, so that a few tenants cannot take them all; and whoever's credential has ended
// is sent away within seconds, since nothing else would ask again.

import { BrokerError } from '#core/errors/broker-error.ts'
import type { LogHead } from '#db/audit-stream/log-range.ts'
import { type FollowDeps, type FollowOptions, followLog } from './follow.ts'
import type { LogPages } from './log-pages.ts'

export interface LogStreamsOptions {
  readonly pages: LogPages
  readonly nowMs: () => number
  /** Where the entries of that time begin; milliseconds since the epoch. */
  readonly readPositionAt: (ms: number) => Promise<number>
  /** Of these credentials (uuids), those that have not ended. */
  readonly findLiveCredentials: (ids: readonly string[]) => Promise<ReadonlySet<string>>
  readonly maxStreams?: number
  readonly maxOfTenant?: number
  readonly heartbeatMs?: number
  readonly checkEveryMs?: number
}

export interface Reader {
  /** uuids */
  readonly credentialId: string
  readonly tenantId: string | null
}

/** Why somebody follows no more. */
export type EndOfStream = 'end' | 'left' | 'credential_ended' | 'too_slow' | 'closing' | 'restored' | 'failed'

export interface OpenStream {
  /** Sends lines until something ends it. Never rejects. */
  run(options: Omit<FollowOptions, 'signal' | 'heartbeatMs'>, writeCursor: FollowDeps['writeCursor']): Promise<StreamEnd>
  /** Ends it. */
  stop(why: EndOfStream): void
  /** It never ran, or is over. */
  free(): void
}

export interface StreamEnd {
  /** The first position that was not looked at. */
  readonly position: number
  readonly entries: number
  readonly why: EndOfStream
  /** Of `failed`. */
  readonly error?: unknown
}

interface Open extends Reader {
  readonly stop: (why: EndOfStream) => void
}

export class LogStreams {
  readonly #options: Required<LogStreamsOptions>
  readonly #open = new Set<Open>()
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: LogStreamsOptions) {
    this.#options = { maxStreams: 64, maxOfTenant: 16, heartbeatMs: 10_000, checkEveryMs: 5_000, ...options }
  }

  get openStreams(): number {
    return this.#open.size
  }

  head(): Promise<LogHead> {
    return this.#options.pages.head()
  }

  positionAt(ms: number): Promise<number> {
    return this.#options.readPositionAt(ms)
  }

  /** Keeps a place. Throws BrokerError `overloaded`. */
  admit(reader: Reader): OpenStream {
    const { maxStreams, maxOfTenant } = this.#options
    const ofTenant = [...this.#open].filter(({ tenantId }) => tenantId === reader.tenantId).length
    const free = maxStreams - this.#open.size
    if (this.#closed || free < 1 || ofTenant >= maxOfTenant || 2 * ofTenant > free)
      throw new BrokerError('overloaded', { detail: 'too many follow the log', retryAfterSeconds: 10 })
    const aborting = new AbortController()
    const stop = (why: EndOfStream): void => aborting.abort(why)
    const open: Open = { ...reader, stop }
    this.#open.add(open)
    this.#timer ??= setInterval(() => void this.dropEnded().catch(() => {}), this.#options.checkEveryMs).unref()
    return {
      stop,
      free: () => this.#free(open),
      run: (options, writeCursor) => this.#run(options, writeCursor, aborting.signal),
    }
  }

  /** Sends away whose credentials have ended. What cannot be asked now is asked again; the log itself comes from the same place. */
  async dropEnded(): Promise<void> {
    const open = [...this.#open]
    const live = await this.#options.findLiveCredentials([...new Set(open.map(({ credentialId }) => credentialId))])
    for (const { credentialId, stop } of open) if (!live.has(credentialId)) stop('credential_ended')
  }

  /** Readers come back elsewhere. */
  close(): void {
    this.#closed = true
    for (const { stop } of this.#open) stop('closing')
    clearInterval(this.#timer)
  }

  #free(open: Open): void {
    this.#open.delete(open)
    if (this.#open.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  async #run(
    options: Omit<FollowOptions, 'signal' | 'heartbeatMs'>,
    writeCursor: FollowDeps['writeCursor'],
    signal: AbortSignal,
  ): Promise<StreamEnd> {
    const { pages, nowMs, heartbeatMs } = this.#options
    let position = options.after + 1
    let entries = 0
    try {
      const followed = await followLog(
        { pages, nowMs, writeCursor },
        {
          ...options,
          heartbeatMs,
          signal,
          told: (last, shown) => {
            position = last + 1
            entries = shown
          },
        },
      )
      return { position, entries, why: followed === 'stopped' ? (signal.reason as EndOfStream) : followed }
    } catch (error) {
      return { position, entries, why: signal.aborted ? (signal.reason as EndOfStream) : 'failed', error }
    }
  }
}

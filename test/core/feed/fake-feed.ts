// A feed in memory, and a hub on it whose clock a test turns.

import { randomUUID } from 'node:crypto'
import { type FeedEnd, FeedHub } from '#core/feed/feed-hub.ts'
import type { FeedSink } from '#core/feed/feed-stream.ts'

export class FakeFeed {
  shard = randomUUID() as string
  epoch = 0
  nowMs = 1_000
  /** Set: the database does not answer. */
  isDown = false
  reads = 0
  /** While set, reads wait for it. */
  gate: Promise<void> | undefined
  readonly ended: FeedEnd[] = []
  missed = 0
  /** What is done where the database knows less than it did. */
  onForgotten = async (): Promise<void> => {}
  readonly live = new Set(['credential'])
  /** Epochs of tenants that stand elsewhere. */
  readonly heads = new Map<string, number>()
  readonly hub: FeedHub

  constructor(maxStreams = 100) {
    this.hub = new FeedHub({
      maxStreams,
      onForgotten: () => this.onForgotten(),
      mark: () => this.nowMs,
      readHeads: async tenantIds => {
        this.#answer()
        return tenantIds.map(tenantId => ({
          tenantId,
          shard: this.shard,
          epoch: this.heads.get(tenantId) ?? this.epoch,
          databaseMs: this.nowMs,
        }))
      },
      readSince: async (_tenantId, epoch) => {
        this.reads++
        const head = { shard: this.shard, epoch: this.epoch, databaseMs: this.nowMs }
        await this.gate
        this.#answer()
        const entries = Array.from({ length: Math.max(0, head.epoch - epoch) }, (_, at) => ({
          epoch: epoch + at + 1,
          text: `j${epoch + at + 1}`,
        }))
        return { head, entries, lastAtMs: undefined }
      },
      findLiveCredentials: async () => this.live,
      metrics: {
        sent: () => {},
        ended: reason => this.ended.push(reason),
        missed: () => {
          this.missed++
        },
      },
    })
  }

  #answer(): void {
    if (this.isDown) throw new Error('the database does not answer')
  }

  /** announced: whether the notification comes through. */
  revoke(count = 1, announced = true): void {
    this.epoch += count
    if (announced) this.hub.announce('tenant', this.epoch)
  }

  /** A commit of this very process, which knows what it has published. */
  offer(from: number, to: number, shard = this.shard): void {
    const entries = Array.from({ length: to - from + 1 }, (_, at) => ({ epoch: from + at, text: `j${from + at}` }))
    this.epoch = Math.max(this.epoch, to)
    this.hub.offer('tenant', { shard, from, to, entries }, this.nowMs)
  }

  async open(
    since: number,
    options: { shard?: string; credentialId?: string; resourceId?: string; tenantId?: string } = {},
  ): Promise<FakeSink> {
    const { credentialId = 'credential', resourceId = 'resource', tenantId = 'tenant' } = options
    const reader = { tenantId, resourceId, credentialId }
    const admission = await this.hub.admit(reader, { shard: options.shard ?? this.shard, epoch: since })
    const sink = new FakeSink()
    const stream = this.hub.open(admission, () => sink)
    sink.onClosed = () => stream.closed()
    return sink
  }
}

export class FakeSink implements FeedSink {
  text = ''
  unsent = 0
  state: 'open' | 'ended' | 'cut' = 'open'
  onClosed = (): void => {}

  write(bytes: Buffer): void {
    this.text += bytes.toString()
  }

  unsentBytes(): number {
    return this.unsent
  }

  end(lastBytes?: Buffer): void {
    if (lastBytes) this.write(lastBytes)
    this.state = 'ended'
    this.onClosed()
  }

  cut(): void {
    this.state = 'cut'
    this.onClosed()
  }

  /** `from-to` of entries, `♥epoch` of heartbeats, `reset`, `retry`. */
  get story(): string[] {
    return this.text.split('\n\n').filter(Boolean).map(tell)
  }
}

function tell(event: string): string {
  if (event.startsWith('retry')) return 'retry'
  const data = JSON.parse(/data: (.*)/.exec(event)![1]!)
  if (event.startsWith('event: entries')) return `${data.from}-${data.to}`
  return event.startsWith('event: heartbeat') ? `♥${data.epoch}` : 'reset'
}

// A broker's feed as the contract has it, held by a test: it publishes, beats, cuts and lies when it is told to.

import { createHash, randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { type Authority, json, type Received, type Served, serve } from './tls.ts'

/** An entry's text. */
export function entryOf(kind: string, value: string, least: number | undefined, untilSeconds: number): string {
  const match = createHash('sha256').update(value).digest().subarray(0, 16).toString('base64url')
  return `${kind}${match}.${least ?? ''}.${untilSeconds}`
}

interface Published {
  readonly epoch: number
  readonly text: string
}

export class FakeFeed {
  shard: string = randomUUID()
  epoch = 0
  entries: Published[] = []
  /** How far the database's clock is ahead of this machine's. */
  clockAheadMs = 0
  /** Whether streams beat by themselves, each 100 ms. */
  isBeating = true
  /** Answers every request of the feed instead, where it is set. */
  answerInstead: ((received: Received, response: ServerResponse) => void) | undefined
  /** Whether a stream's head is sent before there is anything to send. */
  isOpening = true
  /** Whether a stream begins with what was missed. */
  isCatchingUp = true
  /** Whether what is published reaches open streams. */
  isTelling = true
  /** Asked first: true where it has answered. For all else that a broker serves. */
  other: (received: Received, response: ServerResponse) => boolean | Promise<boolean> = () => false
  readonly streams = new Set<ServerResponse>()
  readonly acknowledged: { guard: string; instance: string; shard: string; epoch: number }[] = []
  readonly snapshotsTaken: Received[] = []
  readonly streamsOpened: Received[] = []
  #served!: Served
  #timer: NodeJS.Timeout | undefined

  static async start(authority: Authority): Promise<FakeFeed> {
    const feed = new FakeFeed()
    feed.#served = await serve(authority, (received, response) => feed.#answer(received, response))
    feed.#timer = setInterval(() => {
      if (feed.isBeating) feed.beat()
    }, 100)
    return feed
  }

  get origin(): string {
    return this.#served.origin
  }

  get received(): Received[] {
    return this.#served.received
  }

  get nowMs(): number {
    return Date.now() + this.clockAheadMs
  }

  /** Publishes entries as one frame. Returns the epoch that it ends with. */
  publish(...texts: readonly string[]): number {
    const from = this.epoch + 1
    for (const text of texts) this.entries.push({ epoch: ++this.epoch, text })
    if (this.isTelling) for (const stream of this.streams) this.#write(stream, this.#frame(from, this.epoch))
    return this.epoch
  }

  /** Publishes one entry about a value, which ends in an hour. */
  revoke(kind: string, value: string, least?: number): number {
    return this.publish(entryOf(kind, value, least, Math.floor(Date.now() / 1000) + 3600))
  }

  /** Sends an event as it is to all streams. */
  send(text: string): void {
    for (const stream of this.streams) this.#write(stream, text)
  }

  beat(epoch: number = this.epoch): void {
    this.send(`event: heartbeat\ndata: ${JSON.stringify({ epoch, time: this.nowMs })}\n\n`)
  }

  /** Ends all streams: with a last word, or by cutting the connection. */
  cut(how: 'end' | 'destroy' = 'destroy'): void {
    for (const stream of this.streams) how === 'end' ? stream.end() : stream.destroy()
    this.streams.clear()
  }

  /** As after a backup was restored. */
  restore(): void {
    this.shard = randomUUID()
    this.epoch = 0
    this.entries = []
    this.send('event: reset\ndata: {}\n\n')
    this.cut('end')
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.cut()
    await this.#served.close()
  }

  async #answer(received: Received, response: ServerResponse): Promise<void> {
    if (await this.other(received, response)) return
    const [path] = received.path.split('?')
    if (path?.startsWith('/v1/feed') && this.answerInstead) return this.answerInstead(received, response)
    if (path === '/v1/feed/snapshot') {
      this.snapshotsTaken.push(received)
      const entries = this.entries.map(entry => entry.text)
      return json(response, 200, { shard: this.shard, epoch: this.epoch, time: this.nowMs, entries })
    }
    if (path === '/v1/feed/acknowledgements') {
      this.acknowledged.push(JSON.parse(received.body))
      response.writeHead(204).end()
      return
    }
    if (path === '/v1/feed') return this.#open(received, response)
    // Keys, where no test serves its own; decisions and the rest are not looked at.
    json(response, path?.startsWith('/v1/') ? 202 : 404, {})
  }

  #open(received: Received, response: ServerResponse): void {
    this.streamsOpened.push(received)
    const since = new URL(received.path, this.origin).searchParams.get('since') ?? ''
    const [shard, epoch] = [since.slice(0, since.lastIndexOf('.')), Number(since.slice(since.lastIndexOf('.') + 1))]
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    if (this.isOpening) response.flushHeaders()
    response.on('close', () => this.streams.delete(response))
    response.on('error', () => {})
    if (shard !== this.shard || epoch > this.epoch) {
      response.end('event: reset\ndata: {}\n\n')
      return
    }
    this.streams.add(response)
    if (this.isCatchingUp && epoch < this.epoch) this.#write(response, this.#frame(epoch + 1, this.epoch))
    if (this.isBeating) {
      this.#write(response, `event: heartbeat\ndata: ${JSON.stringify({ epoch: this.epoch, time: this.nowMs })}\n\n`)
    }
  }

  #frame(from: number, to: number): string {
    const entries = this.entries.filter(({ epoch }) => epoch >= from && epoch <= to).map(({ text }) => text)
    return `event: entries\nid: ${this.shard}.${to}\ndata: ${JSON.stringify({ from, to, entries })}\n\n`
  }

  #write(stream: ServerResponse, text: string): void {
    if (!stream.destroyed) stream.write(text)
  }
}

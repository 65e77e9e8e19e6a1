// Reads a stream of the feed as anybody would who knows only the format (WHATWG HTML § 9.2), and lets a test wait for what comes.

import type { ClientRequest, IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { createParser } from 'eventsource-parser'
import { expect } from 'vitest'

export interface FeedEvent {
  readonly event: string
  readonly id: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: what the broker sent, looked into member by member
  readonly data: any
  readonly atMs: number
}

export interface FeedReading {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly events: readonly FeedEvent[]
  /** Of `retry:`, milliseconds. */
  readonly retry: number | undefined
  readonly hasEnded: boolean
  /** All that was told of entries, in the order in which it came. */
  entries(): string[]
  next(event: string, after?: number): Promise<FeedEvent>
  /** Resolves when the other side has ended it. */
  ended(): Promise<void>
  /** Takes no more bytes from the socket, or takes them again. */
  pause(): void
  resume(): void
  close(): void
}

export interface FeedRequest {
  /** `<issuer>/v1/feed` */
  readonly url: string
  readonly caPem: string
  readonly secret: string
  readonly lastEventId?: string
}

/** Resolves when the headers are there. */
export async function readFeed({ url, caPem, secret, lastEventId }: FeedRequest): Promise<FeedReading> {
  const sent: ClientRequest = request(url, {
    ca: caPem,
    agent: false,
    headers: { authorization: `Bearer ${secret}`, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) },
  })
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    sent.once('response', resolve).once('error', reject).end(),
  )
  const events: FeedEvent[] = []
  let retry: number | undefined
  let hasEnded = false
  const parser = createParser({
    onEvent: ({ event, id, data }) =>
      events.push({ event: event ?? 'message', id, data: JSON.parse(data), atMs: performance.now() }),
    onRetry: ms => {
      retry = ms
    },
  })
  response.setEncoding('utf8').on('data', (text: string) => parser.feed(text))
  response
    .on('error', () => {})
    .once('close', () => {
      hasEnded = true
    })
  return {
    status: response.statusCode!,
    headers: response.headers,
    events,
    get retry() {
      return retry
    },
    get hasEnded() {
      return hasEnded
    },
    entries: () => events.flatMap(({ event, data }) => (event === 'entries' ? (data.entries as string[]) : [])),
    async next(name, after = 0) {
      const find = () => events.slice(after).find(({ event }) => event === name)
      await expect.poll(find, { timeout: 10_000, interval: 5 }).toBeDefined()
      return find()!
    },
    async ended() {
      await expect.poll(() => hasEnded, { timeout: 15_000, interval: 20 }).toBe(true)
    },
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    close: () => void sent.destroy(),
  }
}

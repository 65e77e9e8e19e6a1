// A bare reader of the revocation feed: what stands on the wire and when, without a guard's judgement.

import { request } from 'node:https'
import { createParser } from 'eventsource-parser'
import { nowMs } from '#test/bench/revocation/clock.ts'

export interface HeardEvent {
  readonly event: string | undefined
  readonly id: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  readonly data: any
  readonly atMs: number
}

export interface OpenFeed {
  readonly status: number
  readonly events: readonly HeardEvent[]
  /** When the last byte came or the connection was gone. */
  readonly ended: Promise<number>
  close(): void
}

export interface FeedAddress {
  readonly url: string
  readonly caPem: string
  readonly secret: string
}

/** since: `<shard>.<epoch>`; by default what a snapshot says. Resolves with the head of the answer. */
export async function openFeed(address: FeedAddress, since?: string): Promise<OpenFeed> {
  const from = since ?? (await snapshotPosition(address))
  const events: HeardEvent[] = []
  const parser = createParser({
    onEvent: ({ event, id, data }) => events.push({ event, id, data: JSON.parse(data), atMs: nowMs() }),
  })
  return new Promise((resolve, reject) => {
    const sent = request(`${address.url}/v1/feed?since=${encodeURIComponent(from)}`, optionsOf(address), response => {
      response.setEncoding('utf8').on('data', chunk => parser.feed(chunk))
      response.on('error', () => {})
      const ended = new Promise<number>(end => response.once('close', () => end(nowMs())))
      resolve({ status: response.statusCode!, events, ended, close: () => sent.destroy() })
    })
    sent.on('error', reject)
    sent.end()
  })
}

const optionsOf = ({ caPem, secret }: FeedAddress) => ({
  ca: caPem,
  agent: false as const,
  headers: { authorization: `Bearer ${secret}` },
})

async function snapshotPosition(address: FeedAddress): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(`${address.url}/v1/feed/snapshot`, optionsOf(address), response => {
      let text = ''
      response.setEncoding('utf8').on('data', chunk => {
        text += chunk
      })
      response.on('end', () => {
        if (response.statusCode !== 200) return reject(new Error(`no snapshot: ${response.statusCode} ${text}`))
        const { shard, epoch } = JSON.parse(text)
        resolve(`${shard}.${epoch}`)
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}

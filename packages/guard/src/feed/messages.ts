// What the broker's feed says, from text to types. Whatever has another shape is no message: a guard that went on after
// something that it did not understand would not know what it missed.

import { isRecord } from '../token/strict-json.ts'
import { type FeedEntry, parseEntry } from './entry.ts'

/** A place in a feed. An epoch means something within its shard only. */
export interface Position {
  readonly shard: string
  readonly epoch: number
}

/** All that is revoked and has not ended. databaseMs: milliseconds since the epoch. */
export interface Snapshot extends Position {
  readonly databaseMs: number
  readonly entries: readonly FeedEntry[]
}

/** One event of the stream. */
export type FeedMessage =
  | {
      readonly type: 'entries'
      readonly shard: string
      readonly from: number
      readonly to: number
      readonly entries: readonly FeedEntry[]
    }
  | { readonly type: 'heartbeat'; readonly epoch: number; readonly databaseMs: number }
  | { readonly type: 'reset' }

/** Parses the answer of `GET /v1/feed/snapshot`; undefined where it is none. */
export function parseSnapshot(body: unknown): Snapshot | undefined {
  if (!isRecord(body)) return undefined
  const { shard, epoch, time } = body
  const entries = parseEntries(body['entries'])
  if (!isShard(shard) || !isEpoch(epoch) || !isTime(time) || !entries) return undefined
  return { shard, epoch, databaseMs: time, entries }
}

/** Parses an event; undefined where it is none that this guard knows. */
export function parseMessage(event: {
  event?: string | undefined
  id?: string | undefined
  data: string
}): FeedMessage | undefined {
  if (event.event === 'reset') return { type: 'reset' }
  const data = parseJson(event.data)
  if (!isRecord(data)) return undefined
  if (event.event === 'heartbeat') {
    const { epoch, time } = data
    return isEpoch(epoch) && isTime(time) ? { type: 'heartbeat', epoch, databaseMs: time } : undefined
  }
  if (event.event !== 'entries') return undefined
  const { from, to } = data
  const entries = parseEntries(data['entries'])
  const [shard, last] = splitId(event.id)
  if (!isEpoch(from) || !isEpoch(to) || to < from || last !== to || shard === undefined || !entries) return undefined
  return { type: 'entries', shard, from, to, entries }
}

function splitId(id = ''): [string | undefined, number] {
  const dot = id.lastIndexOf('.')
  return dot < 1 ? [undefined, Number.NaN] : [id.slice(0, dot), Number(id.slice(dot + 1))]
}

function parseEntries(list: unknown): FeedEntry[] | undefined {
  if (!Array.isArray(list)) return undefined
  const entries: FeedEntry[] = []
  for (const text of list) {
    const entry = parseEntry(text)
    if (!entry) return undefined
    entries.push(entry)
  }
  return entries
}

/** It goes into a URL. */
const isShard = (value: unknown): value is string => typeof value === 'string' && /^[0-9A-Za-z_-]{1,64}$/.test(value)
const isEpoch = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

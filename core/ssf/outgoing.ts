// What a stream has to send next, in order, and what it passes over: made from the feed at the moment when it is sent, so that a
// revocation costs the same with no stream and with a thousand.

import { hash } from 'node:crypto'
import { canonicalJson } from '#core/json/canonical.ts'
import type { Db, Trx } from '#db/connect.ts'
import { type DeadLetterRow, readDueLetters } from '#db/ssf/dead-letters.ts'
import { type NoticeRow, type RevocationEventRow, readNotices, readRevocationEvents } from '#db/ssf/events.ts'
import type { StreamView } from '#db/ssf/streams.ts'
import { readIgnoredSubjects } from '#db/ssf/subjects.ts'
import { deliveredEvents } from './event-types.ts'
import { isSettled, type Progress, rangesBetween } from './progress.ts'
import { claimsOf, eventTypeOf, type SetClaims, type SubjectId, subjectOf } from './security-event.ts'
import { noticeSetId } from './set-id.ts'

export type Outgoing =
  | { readonly of: 'notice'; readonly id: string; readonly claims: SetClaims }
  | {
      readonly of: 'revocation'
      readonly shard: string
      readonly event: RevocationEventRow
      readonly claims: SetClaims
    }

export interface Batch {
  readonly shard: string
  readonly items: readonly Outgoing[]
  /** Epochs of which the receiver wants to hear nothing: they can be settled at once. */
  readonly passed: readonly (readonly [from: number, to: number])[]
  /** Whether there may be more behind these. */
  readonly more: boolean
}

const scan = 500
/** So far ahead of the first that a receiver leaves open it is sent others. */
export const furthestAhead = 20_000

/** Of the receiver's own making: a subject as SSF compares it here, byte for byte in its canonical form. SHA-256. */
export const hashSubject = (subject: SubjectId | object): Buffer => hash('sha256', canonicalJson(subject), 'buffer')

/** The first `limit` that are not settled. db: of the tenant. A stream that is paused only says that it is. */
export async function readOutgoing(db: Db | Trx, stream: StreamView, limit: number): Promise<Batch> {
  const shard = stream.feed_shard
  const notices = (await readNotices(db, stream.id, limit)).filter(
    ({ type }) => stream.status === 'enabled' || type === 'stream-updated',
  )
  const first = notices.map(notice => noticeOf(notice, stream))
  if (stream.status !== 'enabled' || first.length >= limit)
    return { shard, items: first, passed: [], more: first.length >= limit }
  const letters = await readDueLetters(db, stream.id, limit - first.length)
  first.push(...letters.map(letter => revocationOf(letter.event, stream, letter.shard)))
  const { events, passed, more } = await readWanted(db, stream, limit - first.length)
  return { shard, items: [...first, ...events.map(event => revocationOf(event, stream, shard))], passed, more }
}

/** What of the feed the stream wants; a feed of another shard is a new one, of which nothing is settled. */
async function readWanted(db: Db | Trx, stream: StreamView, limit: number) {
  const isOther = stream.shard !== stream.feed_shard
  const progress: Progress = isOther ? { cursor: 0, ahead: [] } : stream
  const head = stream.feed_epoch
  const events: RevocationEventRow[] = []
  const none = { events, passed: [] as (readonly [number, number])[], more: false }
  if (!isOther && progress.cursor >= head) return none
  if (limit <= 0) return { ...none, more: true }
  const ignored = await readIgnoredSubjects(db, stream.id)
  const types = new Set(deliveredEvents(stream.events_requested ?? undefined))
  const isWanted = (row: RevocationEventRow): boolean =>
    types.has(eventTypeOf(row.kind)) &&
    (ignored.size === 0 || !ignored.has(hashSubject(subjectOf(row, stream.issuer)).toString('hex')))
  const end = Math.min(head, progress.cursor + furthestAhead)
  let seen = progress.cursor
  while (seen < end && events.length < limit) {
    const rows = await readRevocationEvents(db, stream.tenant_id, seen, scan)
    for (const row of rows) {
      if (row.epoch > end || events.length >= limit) break
      if (!isSettled(progress, row.epoch) && isWanted(row)) events.push(row)
      seen = row.epoch
    }
    // What the feed has forgotten is no gap: it was set aside, or is nothing that anybody still has to know.
    const isThrough = rows.length < scan || rows.at(-1)!.epoch > end
    if (isThrough && events.length < limit) seen = end
  }
  const passed = rangesBetween(
    progress.cursor,
    seen,
    events.map(({ epoch }) => epoch),
  )
  return { events, passed, more: seen < head }
}

const noticeOf = ({ id, claims, atMs }: NoticeRow, stream: StreamView): Outgoing => {
  const { sub_id, events } = claims as Pick<SetClaims, 'sub_id' | 'events'>
  const { issuer: iss, audience: aud } = stream
  return { of: 'notice', id, claims: { iss, jti: noticeSetId(stream.id, id), iat: Math.floor(atMs / 1000), aud, sub_id, events } }
}

const revocationOf = (event: DeadLetterRow['event'], stream: StreamView, shard: string): Outgoing => {
  const { id, issuer, audience } = stream
  return { of: 'revocation', shard, event, claims: claimsOf(event, { id, issuer, audience, shard }) }
}

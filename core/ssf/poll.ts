// A receiver that fetches (RFC 8936): it says what it has taken and what it refuses, then gets what is next. What it has not told of
// comes again with the next poll, in the same order.

import { BrokerError } from '#core/errors/broker-error.ts'
import type { Signer } from '#core/keys/signer.ts'
import type { Db } from '#db/connect.ts'
import { findDeadLetter } from '#db/ssf/dead-letters.ts'
import { findRevocationEvent } from '#db/ssf/events.ts'
import { findStream, lockStream, type StreamView } from '#db/ssf/streams.ts'
import type { Caller } from './authenticate-receiver.ts'
import { clean } from './delivery.ts'
import { type Batch, furthestAhead, readOutgoing } from './outgoing.ts'
import { isSettled } from './progress.ts'
import { setTyp } from './security-event.ts'
import { parseSetId } from './set-id.ts'
import { type Refused, settleStream } from './settle.ts'

export interface PollRequest {
  readonly maxEvents: number
  readonly ack: readonly string[]
  /** By `jti`. */
  readonly setErrs: Readonly<Record<string, { readonly err: string; readonly description?: string }>>
}

export interface PollAnswer {
  /** SETs by their `jti`, in order. */
  readonly sets: Readonly<Record<string, string>>
  readonly moreAvailable: boolean
}

/** Takes note of what came with a poll; what names nothing of this stream is passed over. Throws `not_found`. */
export async function acknowledge(db: Db, caller: Caller, streamId: string, request: PollRequest, nowMs: number): Promise<void> {
  const named = (jti: string) => parseSetId(streamId, jti) ?? []
  const ack = request.ack.flatMap(named)
  const errors = Object.entries(request.setErrs).flatMap(([jti, error]) => {
    const name = parseSetId(streamId, jti)
    return name ? [{ name, ...error }] : []
  })
  if (ack.length + errors.length === 0) return
  await db.transaction().execute(async trx => {
    const row = await lockStream(trx, streamId, caller.id)
    if (!row) throw new BrokerError('not_found')
    const stream = await getStream(trx, caller, streamId)
    const refused: Refused[] = []
    for (const { name, err, description } of errors) {
      if (name.of !== 'revocation') continue
      const { shard, epoch } = name
      const isOpen = shard === stream.feed_shard && isSent(name, stream) && !isSettled(row, epoch)
      const inFeed = isOpen ? await findRevocationEvent(trx, row.tenant_id, epoch) : undefined
      const event = inFeed ?? (await findDeadLetter(trx, streamId, shard, epoch))?.event
      const words = { err: clean(err).slice(0, 40), description: description === undefined ? null : clean(description) }
      if (event) refused.push({ shard, event, ...words })
    }
    await settleStream(
      trx,
      row,
      {
        shard: stream.feed_shard,
        taken: ack.flatMap(name => (name.of === 'revocation' && isSent(name, stream) ? [name] : [])),
        passed: [],
        notices: [...ack, ...errors.map(({ name }) => name)].flatMap(name => (name.of === 'notice' ? [name.id] : [])),
        refused,
      },
      { nowMs },
    )
  })
}

/** Nobody has taken what was not sent: what has not happened yet, or lies further ahead than is ever sent. */
const isSent = ({ shard, epoch }: { shard: string; epoch: number }, stream: StreamView): boolean =>
  shard !== stream.feed_shard || (epoch <= stream.feed_epoch && epoch <= stream.cursor + furthestAhead)

/** What is next; what the stream does not want is settled on the way. Throws `not_found`. */
export async function readNext(db: Db, caller: Caller, streamId: string, limit: number, nowMs: number): Promise<Batch> {
  const stream = await getStream(db, caller, streamId)
  if (limit === 0) return { shard: stream.feed_shard, items: [], passed: [], more: stream.cursor < stream.feed_epoch }
  const batch = await readOutgoing(db, stream, limit)
  const { shard, passed } = batch
  if (passed.length > 0 || shard !== stream.shard)
    await db.transaction().execute(async trx => {
      const row = await lockStream(trx, streamId, caller.id)
      if (row) await settleStream(trx, row, { shard, taken: [], passed, notices: [], refused: [] }, { nowMs })
    })
  return batch
}

/** One after the other: tokens are signed by the same thread, and each waits for one of these at most. */
export async function signBatch(signer: Pick<Signer, 'sign'>, { items, more }: Batch): Promise<PollAnswer> {
  const sets: Record<string, string> = {}
  for (const { claims } of items) sets[claims.jti] = await signer.sign(JSON.stringify(claims), setTyp)
  return { sets, moreAvailable: more }
}

async function getStream(db: Db, caller: Caller, streamId: string): Promise<StreamView> {
  const stream = await findStream(db, { tenantId: caller.tenantId, receiverId: caller.id }, streamId)
  if (stream?.method !== 'poll') throw new BrokerError('not_found')
  return stream
}

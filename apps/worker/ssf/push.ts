// Pushes SETs (RFC 8935): one after the other to each receiver, in the order of the feed, so the next one goes when the last was taken
// or set aside. A receiver that is slow or broken holds up itself alone: what it has not taken stands in the feed, and its stream is
// tried again later and later, but for ever. A worker that dies leaves a lease that ends, and what it had not noted is sent again.

import type { Logger } from 'pino'
import { failureOfCall } from '#apps/outbound/call-failure.ts'
import type { HttpsClient } from '#apps/outbound/https.ts'
import { recordEvent } from '#core/audit/record.ts'
import { formatId } from '#core/ids/id.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import { type Delivery, holdSeconds, judgeAnswer } from '#core/ssf/delivery.ts'
import { type Batch, type Outgoing, readOutgoing } from '#core/ssf/outgoing.ts'
import { setMediaType, setTyp } from '#core/ssf/security-event.ts'
import type { SetSigners } from '#core/ssf/set-signers.ts'
import { type Refused, type Settlement, settleStream } from '#core/ssf/settle.ts'
import { sealContext } from '#core/ssf/streams.ts'
import type { Clock } from '#core/time/clock.ts'
import type { Database, Db } from '#db/connect.ts'
import { type LeasedStream, releaseStream, storeFailure } from '#db/ssf/progress.ts'
import { findStream, lockStream, type StreamView } from '#db/ssf/streams.ts'

export interface PushDeps {
  readonly database: Pick<Database, 'db'>
  readonly keyEncryption: KeyEncryption
  readonly signers: SetSigners
  readonly https: HttpsClient
  readonly clock: Clock
  readonly logger: Logger
}

export const leaseSeconds = 30
const batchSize = 100
/** Then somebody else has their turn. */
const turnMs = 5_000
/** What was taken is noted this often; a worker that dies sends again what it had not noted. */
const noteEveryMs = 100
const brokenSeconds = 10
const maxAnswerBytes = 4 * 1024

/** One turn of a stream that is leased to us: until nothing is left, something fails, or the turn is over. */
export async function pushStream(deps: PushDeps, lease: LeasedStream): Promise<void> {
  const db = deps.database.db.forTenant(lease.tenantId)
  try {
    const endMs = performance.now() + turnMs
    while (performance.now() < endMs) {
      const stream = await findStream(db, { tenantId: lease.tenantId }, lease.id)
      if (stream?.method !== 'push' || stream.lease !== lease.lease) return
      const batch = await readOutgoing(db, stream, batchSize)
      const goesOn = await pushBatch(deps, db, { lease, stream, batch, endMs })
      if (!goesOn || !batch.more) return
    }
  } catch (error) {
    // Whatever is wrong with it, it must not come up again at once.
    await storeFailure(db, lease, { status: null, failure: 'internal', holdSeconds: brokenSeconds })
    throw error
  } finally {
    await releaseStream(db, lease)
  }
}

interface Turn {
  readonly lease: LeasedStream
  readonly stream: StreamView
  readonly batch: Batch
  readonly endMs: number
}

/** False: this turn is over. */
async function pushBatch(deps: PushDeps, db: Db, turn: Turn): Promise<boolean> {
  const { stream, batch, lease } = turn
  const authorization = await openAuthorization(deps.keyEncryption, stream)
  const signer = await deps.signers.of(db, stream.tenant_id)
  let notes = new Notes(batch)
  let notedMs = performance.now()
  let { failures } = stream
  for (const item of batch.items) {
    const set = await signer.sign(JSON.stringify(item.claims), setTyp)
    const { delivery, waitSeconds } = await send(deps, { stream, authorization, set, failures })
    if (delivery.outcome === 'failed') {
      await note(deps, db, lease, notes)
      await fail(deps, db, { lease, failures: failures + 1, waitSeconds }, delivery)
      return false
    }
    failures = 0
    notes.take(item, delivery)
    if (delivery.outcome === 'refused') await reportRefusal(deps, db, stream, item, delivery)
    if (performance.now() - notedMs > noteEveryMs) {
      if (!(await note(deps, db, lease, notes))) return false
      notes = new Notes(undefined)
      notedMs = performance.now()
    }
    if (performance.now() > turn.endMs) break
  }
  return note(deps, db, lease, notes)
}

/** What is to be noted together. */
class Notes {
  readonly settlement: {
    -readonly [Member in keyof Settlement]: Settlement[Member] extends readonly (infer Item)[] ? Item[] : Settlement[Member]
  }

  constructor(batch: Batch | undefined) {
    this.settlement = { shard: batch?.shard, taken: [], passed: [...(batch?.passed ?? [])], notices: [], refused: [] }
  }

  take(item: Outgoing, delivery: Delivery): void {
    const { taken, notices, refused } = this.settlement
    if (item.of === 'notice') notices.push(item.id)
    else if (delivery.outcome === 'refused')
      refused.push({
        shard: item.shard,
        event: item.event,
        err: delivery.err,
        description: delivery.description ?? null,
      } satisfies Refused)
    else taken.push({ shard: item.shard, epoch: item.event.epoch })
  }
}

/** False: the stream is not ours any more, or does not send any more. */
async function note({ clock }: PushDeps, db: Db, lease: LeasedStream, { settlement }: Notes): Promise<boolean> {
  return db.transaction().execute(async trx => {
    const row = await lockStream(trx, lease.id)
    if (row?.lease !== lease.lease) return false
    // What was passed over is of the stream as it was when it was read.
    const shard = settlement.shard ?? row.shard
    await settleStream(trx, row, { ...settlement, shard }, { nowMs: clock.nowMs(), leaseSeconds })
    return row.status === 'enabled'
  })
}

async function openAuthorization(keyEncryption: KeyEncryption, stream: StreamView): Promise<string | undefined> {
  if (stream.authorization_sealed === null || stream.kek_id === null) return undefined
  const opened = await keyEncryption.open(stream.authorization_sealed, stream.kek_id, sealContext(stream.tenant_id, stream.id))
  return opened.toString()
}

interface Push {
  readonly stream: StreamView
  readonly authorization: string | undefined
  readonly set: string
  readonly failures: number
}

async function send(
  { https }: PushDeps,
  { stream, authorization, set, failures }: Push,
): Promise<{ delivery: Delivery; waitSeconds?: number | undefined }> {
  const headers = {
    'content-type': setMediaType,
    accept: 'application/json',
    ...(authorization !== undefined && { authorization }),
  }
  const call = {
    url: stream.endpoint_url!,
    caPem: stream.ca_pem ?? undefined,
    method: 'POST',
    headers,
    body: set,
    maxBytes: maxAnswerBytes,
  } as const
  try {
    const answer = await https.call(call)
    return { delivery: judgeAnswer(answer.status, answer.body.toString(), failures), waitSeconds: answer.retryAfterSeconds }
  } catch (error) {
    return { delivery: { outcome: 'failed', status: null, failure: failureOfCall(error) } }
  }
}

async function fail(
  { logger }: PushDeps,
  db: Db,
  {
    lease,
    failures,
    waitSeconds,
  }: { readonly lease: LeasedStream; readonly failures: number; readonly waitSeconds: number | undefined },
  { status, failure }: Extract<Delivery, { outcome: 'failed' }>,
): Promise<void> {
  await storeFailure(db, lease, { status, failure, holdSeconds: holdSeconds(failures, waitSeconds, Math.random()) })
  const facts = { stream: formatId('stream', lease.id), status, failure, failures }
  logger.warn(facts, 'a security event was not taken; it will be sent again')
}

async function reportRefusal(
  { logger, clock }: PushDeps,
  db: Db,
  { id, tenant_id: tenantId }: StreamView,
  item: Outgoing,
  { err }: Extract<Delivery, { outcome: 'refused' }>,
): Promise<void> {
  const facts = { stream: formatId('stream', id), err, jti: item.claims.jti }
  logger.error(facts, 'a receiver refuses a security event for good; it is set aside')
  await db.transaction().execute(trx => recordEvent(trx, { type: 'stream.dead_letter', tenantId, facts }, clock.nowMs()))
}

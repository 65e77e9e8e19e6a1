// Sends a tenant's log to its webhooks: signed, in the log's order, each entry at least once. The next message goes when the last was
// taken, so a receiver that is slow or broken holds up itself alone; what it has not taken stands in the log, and is tried later and
// later, but for ever. Where it is stuck is to be seen (`mayfly webhooks audit get`), and nothing passes by it but by an operator's word.

import type { Logger } from 'pino'
import type { HttpsClient } from '#apps/outbound/https.ts'
import type { FactsOf } from '#core/audit/catalogue/catalogue.ts'
import { recordEvent } from '#core/audit/record.ts'
import type { LogPages } from '#core/audit/stream/log-pages.ts'
import { type AuditMessage, composeMessage } from '#core/audit/stream/message.ts'
import { formatId } from '#core/ids/id.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import type { Clock } from '#core/time/clock.ts'
import { webhookConfigOf } from '#core/webhook/webhooks.ts'
import {
  type AuditStreamRow,
  advanceAuditStream,
  beginMessage,
  failAuditStream,
  findAuditStream,
  type LeasedAuditStream,
  releaseAuditStream,
} from '#db/audit-stream/streams.ts'
import type { Database, Db } from '#db/connect.ts'
import { readWebhook } from '#db/webhook/webhooks.ts'
import { postpone } from '../outbox/backoff.ts'
import { type Attempt, postWebhook } from '../outside/post-webhook.ts'

export interface PushDeps {
  readonly database: Pick<Database, 'db' | 'sql'>
  readonly pages: Pick<LogPages, 'head' | 'read'>
  readonly keyEncryption: KeyEncryption
  readonly https: HttpsClient
  readonly clock: Clock
  readonly logger: Logger
}

export const leaseSeconds = 30
/** Then somebody else has their turn. */
const turnMs = 5_000
const brokenSeconds = 10
const longestWaitSeconds = 3_600

/** One turn of a webhook that is leased to us: until nothing is left, something fails, or the turn is over. */
export async function pushEntries(deps: PushDeps, lease: LeasedAuditStream): Promise<void> {
  const db = deps.database.db.forTenant(lease.tenantId)
  const endMs = deps.clock.nowMs() + turnMs
  try {
    while (deps.clock.nowMs() < endMs && (await pushNext(deps, db, lease))) {
      // The next message.
    }
  } catch (error) {
    // Whatever is wrong with it, it must not come up again at once.
    await failAuditStream(db, lease, { status: null, failure: 'internal', holdSeconds: brokenSeconds, parked: false })
    throw error
  } finally {
    await releaseAuditStream(db, lease)
  }
}

/** False: this turn is over. */
async function pushNext(deps: PushDeps, db: Db, lease: LeasedAuditStream): Promise<boolean> {
  const stream = await findAuditStream(db, lease.webhookId)
  const webhook = await readWebhook(db, lease.webhookId, lease.tenantId)
  if (stream?.lease !== lease.lease || !webhook) return false
  const { audit: subscription } = webhookConfigOf(webhook)
  const head = await deps.pages.head()
  if (!subscription || stream.position >= head.size) return false
  const { position, told, upto } = stream
  const message = await composeMessage(deps.pages, { ...lease, subscription, position, told, upto }, head)
  if (!message.sent) return advanceAuditStream(db, lease, message.upto, { taken: false, leaseSeconds })
  if (!(await beginMessage(db, lease, message.upto, leaseSeconds))) return false
  const sent = { stream, lease, message: message.sent, upto: message.upto }
  const attempt = await postWebhook(deps, webhook, message.sent)
  if (attempt.failure !== undefined) {
    await fail(deps, db, sent, { ...attempt, failure: attempt.failure })
    return false
  }
  if (!(await advanceAuditStream(db, lease, message.upto, { taken: true, leaseSeconds }))) return false
  if (stream.parked) await reportResumed(deps, db, sent)
  return true
}

interface Sent {
  readonly stream: AuditStreamRow
  readonly lease: LeasedAuditStream
  readonly message: NonNullable<AuditMessage['sent']>
  readonly upto: number
}

async function fail(deps: PushDeps, db: Db, sent: Sent, attempt: Attempt & { readonly failure: string }): Promise<void> {
  const { stream, lease, message } = sent
  const { status, failure, waitSeconds = 0 } = attempt
  const attempts = stream.failures + 1
  const { seconds, parked } = postpone(attempts, Math.random())
  const holdSeconds = Math.max(seconds, Math.min(waitSeconds, longestWaitSeconds))
  const facts = { webhook: formatId('webhook', lease.webhookId), message: message.id, failure, status, attempts }
  await db.transaction().execute(async trx => {
    await failAuditStream(trx, lease, { status, failure, holdSeconds, parked })
    if (!parked || stream.parked) return
    const range = { from: stream.position, to: sent.upto - 1 }
    const event: FactsOf<'audit_stream.parked'> = { ...facts, ...range }
    await recordEvent(trx, { type: 'audit_stream.parked', tenantId: lease.tenantId, facts: event }, deps.clock.nowMs())
  })
  if (parked) deps.logger.error(facts, 'a webhook does not take its part of the log; it is parked and tried hourly')
  else deps.logger.warn(facts, 'a webhook did not take its part of the log; it will be tried again')
}

async function reportResumed({ clock, logger }: PushDeps, db: Db, { lease, message }: Sent): Promise<void> {
  const facts = { webhook: formatId('webhook', lease.webhookId), message: message.id }
  logger.info(facts, 'a webhook takes its part of the log again')
  await db
    .transaction()
    .execute(trx => recordEvent(trx, { type: 'audit_stream.resumed', tenantId: lease.tenantId, facts }, clock.nowMs()))
}

// Sends webhooks: signed, at least once, in no order; the `webhook-id` of a message is always the same. A receiver that is slow or
// broken holds up itself alone: few connections to each, a pause for all of a webhook's messages after a failure, its own backoff
// for each message. What fails for days is parked, to be seen and sent again by hand, never dropped.

import type { Logger } from 'pino'
import type { HttpsClient } from '#apps/outbound/https.ts'
import { OutboundRefusal } from '#apps/outbound/outbound.ts'
import { recordEvent } from '#core/audit/record.ts'
import { formatId } from '#core/ids/id.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import type { Clock } from '#core/time/clock.ts'
import { signMessage } from '#core/webhook/signature.ts'
import { openWebhookSecret, webhookConfigOf } from '#core/webhook/webhooks.ts'
import type { Database } from '#db/connect.ts'
import { type LeasedMessage, leaseMessages, settleDelivered, settleFailed } from '#db/webhook/messages.ts'
import { readWebhook, type SealedWebhook } from '#db/webhook/webhooks.ts'
import { createLanes, type Lanes } from './lanes.ts'

export interface SenderDeps {
  readonly database: Database
  readonly keyEncryption: KeyEncryption
  readonly https: HttpsClient
  readonly clock: Clock
  readonly logger: Logger
}

/** As Standard Webhooks suggest: seconds after the first failure, the second, …; then the message is parked. */
const backoffSeconds = [5, 30, 120, 600, 1_800, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600, 24 * 3_600]
const longestHoldSeconds = 300
const mostAtOnce = 32
const mostForEach = 4
const leaseSeconds = 60
const maxAnswerBytes = 4 * 1024

/** Begins messages that are due as long as there is room; one webhook's next ones wait for its last ones. */
export function createSender(deps: SenderDeps): Lanes {
  return createLanes(mostAtOnce, async (room, busy) => {
    const messages = await leaseMessages(deps.database.sql, { limit: room, each: mostForEach, leaseSeconds, busy })
    return messages.map(message => ({
      lane: message.webhookId,
      done: deliver(deps, message).catch(err =>
        deps.logger.error({ err, message: formatId('message', message.id) }, 'a webhook message was not settled'),
      ),
    }))
  })
}

async function deliver(deps: SenderDeps, message: LeasedMessage): Promise<void> {
  const db = deps.database.db.forTenant(message.tenantId)
  const webhook = await readWebhook(db, message.webhookId, message.tenantId)
  if (!webhook) return
  const { status, failure, waitSeconds } = await send(deps, message, webhook)
  if (failure === undefined) return settleDelivered(db, message, status!)
  const next = backoffSeconds[message.attempts - 1]
  const seconds = Math.max(waitSeconds ?? 0, (next ?? 0) * (0.75 + Math.random() / 2))
  const parked = next === undefined
  const holdSeconds = Math.min(Math.max(waitSeconds ?? 0, 2 ** Math.min(webhook.failures, 16)), longestHoldSeconds)
  await settleFailed(db, message, { status, failure, seconds, parked, holdSeconds })
  const facts = { webhook: formatId('webhook', webhook.id), message: formatId('message', message.id), status, failure }
  if (parked) {
    deps.logger.error(facts, 'a webhook message was not delivered for days; it is parked')
    const event = { type: 'webhook.parked', tenantId: message.tenantId, facts: { ...facts, attempts: message.attempts } } as const
    await db.transaction().execute(trx => recordEvent(trx, event, deps.clock.nowMs()))
    return
  }
  deps.logger.warn(facts, 'a webhook message was not delivered; it will be tried again')
}

interface Attempt {
  readonly status: number | null
  readonly failure?: string
  readonly waitSeconds?: number | undefined
}

async function send(
  { https, keyEncryption, clock }: SenderDeps,
  message: LeasedMessage,
  webhook: SealedWebhook,
): Promise<Attempt> {
  const { url, ca_pem: caPem } = webhookConfigOf(webhook)
  const secret = await openWebhookSecret(keyEncryption, webhook)
  const signed = {
    id: formatId('message', message.id),
    timestampSeconds: Math.floor(clock.nowMs() / 1000),
    body: message.body,
  }
  const headers = { 'content-type': 'application/json', ...signMessage(signed, [secret]) }
  try {
    const answer = await https.call({ url, caPem, method: 'POST', headers, body: message.body, maxBytes: maxAnswerBytes })
    const { status, retryAfterSeconds: waitSeconds } = answer
    if (status >= 200 && status < 300) return { status }
    return { status, failure: 'answered', waitSeconds: waitSeconds === undefined ? undefined : Math.min(waitSeconds, 86_400) }
  } catch (error) {
    if (error instanceof OutboundRefusal) return { status: null, failure: 'address_refused' }
    const isLate = error instanceof Error && /timeout/i.test(error.name)
    return { status: null, failure: isLate ? 'timeout' : 'unreachable' }
  }
}

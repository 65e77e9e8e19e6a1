// Sends webhooks: signed, at least once, in no order; the `webhook-id` of a message is always the same. A receiver that is slow or
// broken holds up itself alone: few connections to each, a pause for all of a webhook's messages after a failure, its own backoff
// for each message. What fails for days is parked, to be seen and sent again by hand, never dropped.

import type { Logger } from 'pino'
import type { HttpsClient } from '#apps/outbound/https.ts'
import { recordEvent } from '#core/audit/record.ts'
import { formatId } from '#core/ids/id.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import type { Clock } from '#core/time/clock.ts'
import type { Database } from '#db/connect.ts'
import { type LeasedMessage, leaseMessages, settleDelivered, settleFailed } from '#db/webhook/messages.ts'
import { readWebhook } from '#db/webhook/webhooks.ts'
import { createLanes, type Lanes } from './lanes.ts'
import { postWebhook } from './post-webhook.ts'

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
const longestWaitSeconds = 86_400
const mostAtOnce = 32
const mostForEach = 4
const leaseSeconds = 60

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
  const sent = { id: formatId('message', message.id), body: message.body }
  const { status, failure, waitSeconds: asked = 0 } = await postWebhook(deps, webhook, sent)
  if (failure === undefined) return settleDelivered(db, message, status!)
  const waitSeconds = Math.min(asked, longestWaitSeconds)
  const next = backoffSeconds[message.attempts - 1]
  const seconds = Math.max(waitSeconds, (next ?? 0) * (0.75 + Math.random() / 2))
  const parked = next === undefined
  const holdSeconds = Math.min(Math.max(waitSeconds, 2 ** Math.min(webhook.failures, 16)), longestHoldSeconds)
  await settleFailed(db, message, { status, failure, seconds, parked, holdSeconds })
  const facts = { webhook: formatId('webhook', webhook.id), message: sent.id, status, failure }
  if (parked) {
    deps.logger.error(facts, 'a webhook message was not delivered for days; it is parked')
    const event = { type: 'webhook.parked', tenantId: message.tenantId, facts: { ...facts, attempts: message.attempts } } as const
    await db.transaction().execute(trx => recordEvent(trx, event, deps.clock.nowMs()))
    return
  }
  deps.logger.warn(facts, 'a webhook message was not delivered; it will be tried again')
}

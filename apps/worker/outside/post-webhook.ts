import { failureOfCall } from '#apps/outbound/call-failure.ts'
import type { HttpsClient } from '#apps/outbound/https.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import type { Clock } from '#core/time/clock.ts'
import { signMessage } from '#core/webhook/signature.ts'
import { openWebhookSecret, webhookConfigOf } from '#core/webhook/webhooks.ts'
import type { SealedWebhook } from '#db/webhook/webhooks.ts'

const maxAnswerBytes = 4 * 1024

export interface WebhookSender {
  readonly https: HttpsClient
  readonly keyEncryption: KeyEncryption
  readonly clock: Clock
}

/** How sending went. failure undefined: the webhook took it. */
export interface Attempt {
  readonly status: number | null
  readonly failure?: string
  /** What the webhook asks to wait, as it says it. */
  readonly waitSeconds?: number | undefined
}

/** Sends one message, signed as Standard Webhooks has it. id: the same whenever this message is sent. */
export async function postWebhook(
  { https, keyEncryption, clock }: WebhookSender,
  webhook: SealedWebhook,
  { id, body }: { readonly id: string; readonly body: string },
): Promise<Attempt> {
  const { url, ca_pem: caPem } = webhookConfigOf(webhook)
  const secret = await openWebhookSecret(keyEncryption, webhook)
  const signature = signMessage({ id, timestampSeconds: Math.floor(clock.nowMs() / 1000), body }, [secret])
  const headers = { 'content-type': 'application/json', ...signature }
  try {
    const answer = await https.call({ url, caPem, method: 'POST', headers, body, maxBytes: maxAnswerBytes })
    const { status, retryAfterSeconds: waitSeconds } = answer
    return status >= 200 && status < 300 ? { status } : { status, failure: 'answered', waitSeconds }
  } catch (error) {
    return { status: null, failure: failureOfCall(error) }
  }
}

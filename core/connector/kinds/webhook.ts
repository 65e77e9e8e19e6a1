import { findHttpsFault } from '#core/registry/url-faults.ts'
import { newWebhookSecret, type SignatureMethod } from '#core/webhook/signature.ts'
import type { KindRules } from '../kind-rules.ts'

export interface WebhookConfig {
  readonly url: string
  readonly signature: SignatureMethod
  readonly ca_pem?: string
}

export const webhookRules: KindRules = {
  // Made by us, shown once: what calls are signed with.
  admin: [],
  fixed: ['signature'],
  place: ['url'],
  defaults: { signature: 'hmac' },
  async make({ signature }) {
    return { settings: {}, admin: { signing: newWebhookSecret(signature as SignatureMethod) } }
  },
  findFaults(config) {
    const fault = findHttpsFault((config as unknown as WebhookConfig).url, { query: true })
    return fault === undefined ? [] : [{ pointer: '/config/url', detail: fault }]
  },
}

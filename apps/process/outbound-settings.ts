// Where connectors and webhooks may lead, for broker and worker alike.

import { createOutbound, ownStoresOf, type ResolveOutbound } from '#apps/outbound/outbound.ts'
import { parseNetworks } from '#core/outbound/address-rules.ts'
import type { Network } from '#core/outbound/ip-address.ts'
import type { QueueSettings } from './queues.ts'
import type { Environment } from './read-secret.ts'

export interface OutboundSettings {
  /** Networks inside that connectors and webhooks may reach; left out: none. */
  readonly outboundNetworks?: readonly Network[] | undefined
}

/** Reads `MAYFLY_OUTBOUND_NETWORKS`: `10.20.0.0/16, fd12::/48`. */
export function readOutboundSettings(env: Environment, problems: string[]): OutboundSettings {
  const outboundNetworks = parseNetworks(env['MAYFLY_OUTBOUND_NETWORKS'] ?? '', word =>
    problems.push(`MAYFLY_OUTBOUND_NETWORKS: ${word} is no network, such as 10.20.0.0/16 or fd12::/48.`),
  )
  return { outboundNetworks }
}

/** What is registered never leads to the stores that this process itself is configured with. */
export function openOutbound(settings: OutboundSettings & QueueSettings & { readonly databaseUrl: string }): ResolveOutbound {
  const { outboundNetworks: allowed = [], databaseUrl, redisUrl, queueDatabaseUrl } = settings
  return createOutbound({ allowed, ownStores: ownStoresOf(databaseUrl, queueDatabaseUrl, redisUrl) })
}

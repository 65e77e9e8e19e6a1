import type { HttpsClient } from '#apps/outbound/https.ts'
import type { ResolveOutbound } from '#apps/outbound/outbound.ts'
import type { Connectors } from '#core/connector/connector.ts'
import { postgresConnector } from './postgres.ts'
import { redisConnector } from './redis.ts'
import { webhookConnector } from './webhook.ts'

/** Every kind that there is. nowSeconds: since the epoch, on the database's clock. */
export function createConnectors(resolve: ResolveOutbound, https: HttpsClient, nowSeconds: () => number): Connectors {
  return {
    postgres: postgresConnector(resolve, nowSeconds),
    redis: redisConnector(resolve, nowSeconds),
    webhook: webhookConnector(https, nowSeconds),
  }
}

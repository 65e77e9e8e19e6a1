import type { ConnectorKind } from '../connector.ts'
import type { KindRules } from '../kind-rules.ts'
import { postgresRules } from './postgres.ts'
import { redisRules } from './redis.ts'
import { webhookRules } from './webhook.ts'

/** What each kind says of its registration. */
export const kindRules: Readonly<Record<ConnectorKind, KindRules>> = {
  postgres: postgresRules,
  redis: redisRules,
  webhook: webhookRules,
}

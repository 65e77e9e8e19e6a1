// Attaching happens in the request that asks for it, because what it gives is told to nobody but who asked.

import { createConnectors } from '#apps/connectors/connectors.ts'
import { createHttpsClient } from '#apps/outbound/https.ts'
import { openOutbound } from '#apps/process/outbound-settings.ts'
import type { AttachDeps } from '#core/connector/attach.ts'
import type { BrokerDeps } from './deps.ts'
import { createFailpoint } from './failpoint.ts'

const httpsTimeoutMs = 5_000

export interface Attachments {
  readonly deps: AttachDeps
  close(): Promise<void>
}

export function createAttachments({ config, database, keyEncryption, exchange, clock }: BrokerDeps): Attachments {
  const resolve = openOutbound(config)
  const https = createHttpsClient(resolve, { timeoutMs: httpsTimeoutMs, connections: 4 })
  return {
    deps: {
      dbOf: tenantId => database.db.forTenant(tenantId),
      connectors: createConnectors(resolve, https, () => clock.nowMs() / 1000),
      keyEncryption,
      ceilings: exchange.ceilings,
      clock,
      failpoint: createFailpoint(config.failpoint),
    },
    close: () => https.close(),
  }
}

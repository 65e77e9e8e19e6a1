import type { Clock } from '#core/time/clock.ts'
import { readDeadline, settleExtension } from '#db/connector/attachments.ts'
import { readConnector } from '#db/connector/connectors.ts'
import type { LeasedExtension } from '#db/connector/lease.ts'
import type { AttachDeps } from './attach.ts'
import type { ConnectorKind } from './connector.ts'
import { targetOf } from './target.ts'

/** How long a worker has one for itself; where it fails it is tried again after that. Until then access ends earlier than the account. */
export const extensionLeaseSeconds = 60
const stepSeconds = 20

export interface ExtendDeps extends Pick<AttachDeps, 'dbOf' | 'connectors' | 'keyEncryption'> {
  readonly clock: Clock
}

/** Tells the connector how long the account lives by now. Throws where it fails; harmless to repeat. */
export async function extendAttachment(deps: ExtendDeps, leased: LeasedExtension): Promise<void> {
  const { id, tenantId, accountId, agentId, connectorId, rotation, due } = leased
  const db = deps.dbOf(tenantId)
  const signal = AbortSignal.timeout(stepSeconds * 1000)
  const untilMs = deps.clock.nowMs() + stepSeconds * 1000
  const deadlineSeconds = await readDeadline(db, accountId)
  const connector = await readConnector(db, connectorId, tenantId)
  if (deadlineSeconds !== undefined && connector) {
    const row = { id, account_id: accountId, tenant_id: tenantId, agent_id: agentId, rotation }
    const target = await targetOf(deps.keyEncryption, row, connector)
    await deps.connectors[connector.kind as ConnectorKind].extend({ ...target, deadlineSeconds, signal, untilMs })
  }
  await settleExtension(db, id, due)
}

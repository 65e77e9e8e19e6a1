import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import type { AttachmentRow } from '#db/connector/attachments.ts'
import type { SealedConnector } from '#db/connector/connectors.ts'
import type { Target } from './connector.ts'
import { configOf, openAdmin } from './registration.ts'

/** Everything of a step but its deadline and signal. */
export async function targetOf(
  keyEncryption: KeyEncryption,
  row: Pick<AttachmentRow, 'id' | 'account_id' | 'tenant_id' | 'agent_id' | 'rotation'>,
  connector: SealedConnector,
): Promise<Omit<Target, 'deadlineSeconds' | 'signal' | 'untilMs'>> {
  return {
    attachmentId: row.id,
    accountId: row.account_id,
    tenantId: row.tenant_id,
    agentId: row.agent_id,
    rotation: row.rotation,
    config: configOf(connector).settings,
    admin: await openAdmin(keyEncryption, connector),
  }
}

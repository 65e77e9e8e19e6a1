import type { Facts } from '#core/audit/event.ts'
import { formatId } from '#core/ids/id.ts'
import type { AttachmentRow } from '#db/connector/attachments.ts'

type AttachmentEvent =
  `attachment.${'created' | 'rotated' | 'locked' | 'torn_down' | 'abandoned' | 'parked' | 'retried' | 'detached'}`

/** facts: beside which attachment it is; our words and numbers. */
export function eventOf(
  type: AttachmentEvent,
  row: Pick<AttachmentRow, 'id' | 'account_id' | 'tenant_id' | 'agent_id' | 'connector_id' | 'rotation'>,
  facts: Facts,
) {
  return {
    type,
    tenantId: row.tenant_id,
    accountId: row.account_id,
    agentId: row.agent_id,
    facts: {
      attachment: formatId('attachment', row.id),
      connector: formatId('connector', row.connector_id),
      rotation: row.rotation,
      ...facts,
    },
  } as const
}

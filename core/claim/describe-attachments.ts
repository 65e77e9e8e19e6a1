import { formatId } from '#core/ids/id.ts'
import type { Db } from '#db/connect.ts'
import { listAttachments } from '#db/connector/attachments.ts'
import { findConnectorNames } from '#db/connector/connectors.ts'

export interface DescribedAttachment {
  readonly id: string
  /** As its owner named it. */
  readonly connector: string
  readonly kind: string | null
  readonly state: string
}

/** Nobody attaches more. */
const most = 200

/** What stands outside for an account and is not gone yet. db: the tenant's rows. */
export async function describeAttachments(db: Db, tenantId: string, accountId: string): Promise<DescribedAttachment[]> {
  const rows = (await listAttachments(db, tenantId, accountId, { limit: most, afterId: undefined })).filter(
    ({ state }) => state !== 'gone',
  )
  const connectors = await findConnectorNames(db, tenantId, [...new Set(rows.map(row => row.connector_id))])
  return rows.map(row => {
    const connector = connectors.get(row.connector_id)
    return {
      id: formatId('attachment', row.id),
      connector: connector?.name ?? formatId('connector', row.connector_id),
      kind: connector?.kind ?? null,
      state: row.state === 'ending' ? 'tearing_down' : row.state,
    }
  })
}

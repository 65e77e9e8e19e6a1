import { type Static, Type } from 'typebox'
import { connectorKinds } from '#core/connector/connector.ts'
import { formatId } from '#core/ids/id.ts'
import type { Db } from '#db/connect.ts'
import type { AttachmentRow } from '#db/connector/attachments.ts'
import { findConnectorNames } from '#db/connector/connectors.ts'
import { closed, Id, Time } from './schemas.ts'

/** What each state means to whoever looks. */
const states = {
  making: 'making',
  active: 'active',
  renewing: 'renewing',
  locking: 'locking',
  locked: 'locked',
  ending: 'tearing_down',
  kept: 'kept',
  gone: 'torn_down',
} as const

const Destroyed = Type.Object(
  { what: Type.String(), count: Type.Integer(), bytes: Type.Optional(Type.Integer()) },
  { ...closed, description: 'What is gone, by kind.' },
)

export const AttachmentView = Type.Object(
  {
    id: Id('attachment'),
    account: Id('account'),
    connector: Id('connector'),
    connector_name: Type.Union([Type.String(), Type.Null()]),
    kind: Type.Union([Type.Enum([...connectorKinds]), Type.Null()]),
    state: Type.Enum([...Object.values(states)], {
      description:
        'active: its holder has access. locked: nobody has; ask again. tearing_down: being taken down. kept: nobody has access, the data is kept for a while. torn_down: gone.',
    }),
    rotation: Type.Integer({ description: 'Counts its credentials.' }),
    parked: Type.Boolean({ description: 'It failed so often that somebody must look at it; it is tried hourly.' }),
    failure: Type.Union([Type.String(), Type.Null()], { description: 'Why the last attempt failed.' }),
    created_at: Time,
    ended_at: Type.Union([Time, Type.Null()]),
    ended_by: Type.Union([Type.String(), Type.Null()]),
    destroyed: Type.Union([Type.Array(Destroyed), Type.Null()]),
    receipt: Type.Union([Type.String(), Type.Null()], { description: 'Hash of the leaf of the log that says so.' }),
  },
  closed,
)

/** What is given once, beside the attachment. */
export const given = {
  access: Type.Optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()]), {
      description: 'Where and by which secret; shown this once. Ask again for other access, which ends this.',
    }),
  ),
  access_jwe: Type.Optional(Type.String({ description: 'The same, encrypted to the key that was sent (RFC 7516, compact).' })),
}
export const GivenView = Type.Object({ ...AttachmentView.properties, ...given }, closed)

export async function toAttachmentViews(
  db: Db,
  tenantId: string,
  rows: readonly AttachmentRow[],
): Promise<Static<typeof AttachmentView>[]> {
  const names = await findConnectorNames(db, tenantId, [...new Set(rows.map(row => row.connector_id))])
  return rows.map(row => {
    const connector = names.get(row.connector_id)
    return {
      id: formatId('attachment', row.id),
      account: formatId('account', row.account_id),
      connector: formatId('connector', row.connector_id),
      connector_name: connector?.name ?? null,
      kind: (connector?.kind as Static<typeof AttachmentView>['kind'] | undefined) ?? null,
      state: states[row.state],
      rotation: row.rotation,
      parked: row.parked,
      failure: row.failure,
      created_at: row.created_at.toISOString(),
      ended_at: row.ended_at?.toISOString() ?? null,
      ended_by: row.ended_by,
      destroyed: row.destroyed as Static<typeof AttachmentView>['destroyed'],
      receipt: row.receipt,
    }
  })
}

import { formatId } from '#core/ids/id.ts'
import type { NewMessage } from '#db/webhook/messages.ts'
import { eventTypeOf } from './event-types.ts'

export interface AccountTransitionRow {
  readonly tenantId: string
  readonly accountId: string
  readonly transition: string
  readonly generation: number
  /** When it happened, by the database's clock, milliseconds since the epoch. */
  readonly atMs: number
  readonly payload: unknown
}

/** Words of ours that the payload of an outbox row may bring into a message: never more than these. */
const told = ['reason', 'readmitted'] as const

/** The message that tells of a transition, as Standard Webhooks shape it; undefined: nobody is told of this one. */
export function messageOf(row: AccountTransitionRow): NewMessage | undefined {
  const type = eventTypeOf(row.transition)
  if (type === undefined) return undefined
  const { tenantId, accountId, transition, generation, atMs } = row
  const payload = (row.payload ?? {}) as Readonly<Record<string, unknown>>
  const more = told.flatMap(name => (payload[name] === undefined ? [] : [[name, payload[name]] as const]))
  const data = {
    tenant: formatId('tenant', tenantId),
    account: formatId('account', accountId),
    generation,
    ...Object.fromEntries(more),
  }
  const body = JSON.stringify({ type, timestamp: new Date(atMs).toISOString(), data })
  return { tenantId, event: `${accountId} ${generation} ${transition} ${atMs}`, type, body }
}

// The event catalogue: every type of event that the log can hold, one row each. `core/audit/event.ts` derives from it what may be
// recorded, `docs/events.md` is made of it, and tests hold every event that is written against it.
//
// A new type is a row in the file of its kind, and `npm run events:generate`.

import { accountEvents } from './accounts.ts'
import { auditStreamEvents } from './audit-streams.ts'
import type { EventType, FactsOfRow, PrivateOfRow } from './event-type.ts'
import { forgettingEvents } from './forgetting.ts'
import { keyEvents } from './keys.ts'
import { logEvents } from './log.ts'
import { operatorEvents } from './operators.ts'
import { outsideEvents } from './outside.ts'
import { registryEvents } from './registry.ts'
import { revocationEvents } from './revocation.ts'
import { tokenEvents } from './tokens.ts'

/** As the page shows them. */
export const eventGroups = [
  ['Tokens', tokenEvents],
  ['Accounts', accountEvents],
  ['Tenants, agents, trust sources, resources', registryEvents],
  ['People, credentials, approvals', operatorEvents],
  ['Keys', keyEvents],
  ['Revocation', revocationEvents],
  ['Connectors, webhooks, streams', outsideEvents],
  ['The log itself', logEvents],
  ['Who follows the log', auditStreamEvents],
  ['What is forgotten, and what is held', forgettingEvents],
] as const

export const catalogue = {
  ...tokenEvents,
  ...accountEvents,
  ...registryEvents,
  ...operatorEvents,
  ...keyEvents,
  ...revocationEvents,
  ...outsideEvents,
  ...logEvents,
  ...auditStreamEvents,
  ...forgettingEvents,
}

export type AuditEventType = keyof typeof catalogue

/** What an event of this type says in our own words. */
export type FactsOf<T extends AuditEventType> = T extends AuditEventType ? FactsOfRow<(typeof catalogue)[T]> : never

/** What is sealed; all of it may be missing. */
export type PrivateOf<T extends AuditEventType> = T extends AuditEventType ? PrivateOfRow<(typeof catalogue)[T]> : never

export const auditEventTypes = Object.keys(catalogue) as readonly AuditEventType[]

/** Undefined for a type that this version does not know, of an entry of a later one. */
export function findEventType(type: string): EventType | undefined {
  return Object.hasOwn(catalogue, type) ? catalogue[type as AuditEventType] : undefined
}

const policyMakers: ReadonlySet<AuditEventType> = new Set(
  auditEventTypes.filter(type => {
    const { properties, required } = findEventType(type)!.facts
    return 'config_epoch' in properties && !(required as readonly string[] | undefined)?.includes('config_epoch')
  }),
)

/** Whether an event of this type raises its tenant's config epoch (`madePolicy`). */
export const makesPolicy = (type: AuditEventType): boolean => policyMakers.has(type)

// An entry as a SIEM reads it: the Open Cybersecurity Schema Framework, release 1.6.0 (schema.ocsf.io/1.6.0).
//
// What OCSF has no place for stands under `unmapped`, in our own words; what is sealed is never among it. `raw_data` is the leaf as it
// was hashed, so that a SIEM's copy can be held against a proof years later.

import { formatId } from '#core/ids/id.ts'
import type { LogEntry } from '#db/log/read-entries.ts'
import { type Decision, decisionOf, isToldByFacts } from '../stream/decision.ts'
import { type Leaf, type ReadEntry, readEntry, valueAt } from './entry.ts'
import type { OcsfMapping } from './event-type.ts'

/** JSON, with `class_uid`, `activity_id` and whatever else the class asks for. */
export type OcsfEvent = Readonly<Record<string, unknown>> & {
  readonly class_uid: number
  readonly type_uid: number
  readonly time: number
}

export const ocsfVersion = '1.6.0'

const classes = {
  3002: { name: 'Authentication', activities: { 1: 'Logon', 2: 'Logoff' } },
  3003: { name: 'Authorize Session', activities: { 1: 'Assign Privileges' } },
  3004: {
    name: 'Entity Management',
    activities: {
      ...{ 1: 'Create', 2: 'Read', 3: 'Update', 4: 'Delete', 6: 'Enroll', 8: 'Enable', 9: 'Disable' },
      ...{ 10: 'Activate', 11: 'Deactivate', 12: 'Suspend', 13: 'Resume' },
    },
  },
  6003: { name: 'API Activity', activities: { 1: 'Create', 2: 'Read', 3: 'Update', 4: 'Delete' } },
} as const satisfies Record<OcsfMapping['class'], { name: string; activities: Readonly<Record<number, string>> }>

const categories = { 3: 'Identity & Access Management', 6: 'Application Activity' } as const
const severities = ['Unknown', 'Informational', 'Low', 'Medium', 'High'] as const

/** What a type is that this version does not know. */
const unknownType: OcsfMapping = { class: 3004, activity: 99 }

/** log: the log's name (`origin` of its checkpoints), where the reader knows it. Throws SyntaxError for what is no entry. */
export function toOcsf(stored: LogEntry, log?: string): OcsfEvent {
  const entry = readEntry(stored)
  const { leaf, facts, type, position } = entry
  const mapping = type?.ocsf ?? unknownType
  const { class: class_uid, activity: activity_id } = mapping
  const row = classes[class_uid]
  const category_uid = Math.floor(class_uid / 1000) as keyof typeof categories
  const severity_id = mapping.severity ?? (decided(entry) === 'deny' ? 2 : 1)
  return {
    activity_id,
    activity_name: (row.activities as Readonly<Record<number, string>>)[activity_id] ?? leaf.type,
    category_uid,
    category_name: categories[category_uid],
    class_uid,
    class_name: row.name,
    type_uid: class_uid * 100 + activity_id,
    time: leaf.time,
    severity_id,
    severity: severities[severity_id],
    ...statusOf(entry),
    message: type?.about ?? leaf.type,
    metadata: {
      version: ocsfVersion,
      product: { name: 'Mayfly', vendor_name: 'Mayfly' },
      uid: leaf.id,
      event_code: leaf.type,
      sequence: position,
      ...(log !== undefined && { log_name: log }),
      ...(leaf.tenant !== undefined && { tenant_uid: formatId('tenant', leaf.tenant) }),
      ...(leaf.account !== undefined && { correlation_uid: formatId('account', leaf.account) }),
    },
    ...membersOf(entry, mapping),
    ...(leaf.token !== undefined && { session: { uid: leaf.token } }),
    raw_data: stored.leaf,
    unmapped: { ...idsOf(leaf), ...(facts && { facts }), version: leaf.v },
  }
}

/** Also of a type whose entries tell both. What retention has dropped says no more than its type. */
const decided = ({ leaf, type, facts }: ReadEntry): Decision | undefined =>
  facts ? decisionOf(leaf.type, facts) : type?.decision

function statusOf(entry: ReadEntry): object {
  const { facts } = entry
  const decision = decided(entry)
  const detail = [facts?.['code'], facts?.['reason']].filter(value => typeof value === 'string').join(': ')
  const status_detail = detail === '' ? {} : { status_detail: detail }
  if (decision === 'deny') return { status_id: 2, status: 'Failure', ...status_detail }
  if (decision === 'defer') return { status_id: 99, status: 'Deferred', ...status_detail }
  if (decision === undefined && isToldByFacts(entry.leaf.type)) return { status_id: 0, status: 'Unknown' }
  return { status_id: 1, status: 'Success', ...status_detail }
}

/** What the class asks for beyond the base. */
function membersOf(entry: ReadEntry, mapping: OcsfMapping): object {
  const actor = { user: whoDid(entry) }
  switch (mapping.class) {
    case 3002:
      return { actor, user: whoDid(entry), service: { name: 'Mayfly' } }
    case 3003:
      return { actor, user: whoDid(entry), privileges: [String(entry.facts?.['resource'] ?? entry.facts?.['code'] ?? 'unknown')] }
    case 3004: {
      const { type, at } = mapping.entity ?? { type: 'event', at: 'leaf.id' as const }
      return { actor, entity: { type, uid: wire(at, valueAt(entry, at)) ?? entry.leaf.id } }
    }
    case 6003: {
      const operation = String(entry.facts?.['operation'] ?? entry.leaf.type)
      const resource = entry.facts?.['resource']
      return { actor, api: { operation }, src_endpoint: { uid: typeof resource === 'string' ? resource : 'operator' } }
    }
    default:
      mapping.class satisfies never
      return {}
  }
}

/** The person, else the credential, else the agent, else Mayfly itself. */
function whoDid({ leaf, facts }: ReadEntry): object {
  const named = facts?.['actor_person'] ?? facts?.['actor'] ?? facts?.['receiver']
  if (typeof named === 'string') {
    const role = facts?.['actor_role']
    return { uid: named, type_id: 1, type: 'User', ...(typeof role === 'string' && { groups: [{ name: role }] }) }
  }
  if (leaf.agent !== undefined) return { uid: formatId('agent', leaf.agent), type_id: 99, type: 'Agent' }
  return { uid: 'mayfly', type_id: 3, type: 'System' }
}

const prefixes = { tenant: 'tenant', account: 'account', agent: 'agent' } as const

/** As the API writes it: the leaf has bare uuids. */
function wire(at: string, value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const kind = prefixes[at.slice('leaf.'.length) as keyof typeof prefixes]
  return at.startsWith('leaf.') && kind !== undefined ? formatId(kind, value) : value
}

const idsOf = (leaf: Leaf): object => ({
  type: leaf.type,
  ...(leaf.agent !== undefined && { agent: formatId('agent', leaf.agent) }),
  ...(leaf.account !== undefined && { account: formatId('account', leaf.account) }),
  ...(leaf.claims_hash !== undefined && { claims_hash: leaf.claims_hash }),
})

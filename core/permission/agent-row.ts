// `agent_row`: actions on rows (or objects) of a data store, named by a path such as `orders/42`.

import { accept, MAX_CHARS, MAX_ENTRIES, type Outcome, type PermissionType, type RawDetail, refuse } from './permission-type.ts'
import { quote } from './quote.ts'
import { findWrongMember, locationsSchema, readLocations, readNames, readText } from './read-field.ts'
import { isSortedSubset } from './sorted-list.ts'
import { isDotSegment, normaliseSegment } from './uri-path.ts'

export interface AgentRow {
  readonly actions: readonly string[]
  /** `orders/42`; a segment `*` stands for any one segment. */
  readonly identifier: string
  readonly locations: readonly string[]
  readonly type: 'agent_row'
}

export interface RowRequest {
  readonly location: string
  readonly action: string
  readonly identifier: string
}

const action = /^[A-Za-z][A-Za-z0-9_.:-]{0,63}$/

export const agentRow: PermissionType<AgentRow, RowRequest> = {
  type: 'agent_row',
  schema: {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'agent_row',
    description: 'Actions on single rows or objects of a data store.',
    type: 'object',
    properties: {
      type: { const: 'agent_row' },
      locations: locationsSchema,
      actions: {
        type: 'array',
        items: { type: 'string', pattern: action.source },
        minItems: 1,
        maxItems: MAX_ENTRIES,
        description: 'Actions as the resource names them, such as read or update. Case matters.',
      },
      identifier: {
        type: 'string',
        maxLength: MAX_CHARS,
        pattern: "^(?:\\*|[A-Za-z0-9._~!$&'()+,;=:@%-]+)(?:/(?:\\*|[A-Za-z0-9._~!$&'()+,;=:@%-]+))*$",
        description:
          'Path of the row, such as orders/42. A segment * stands for any one segment; other signs are percent-encoded.',
      },
    },
    required: ['type', 'locations', 'actions', 'identifier'],
    additionalProperties: false,
  },
  normalise,
  subset: (a, b) =>
    isSortedSubset(a.actions, b.actions) &&
    identifierWithin(a.identifier, b.identifier) &&
    isSortedSubset(a.locations, b.locations),
  matches: (detail, request) => {
    if (!detail.locations.includes(request.location) || !detail.actions.includes(request.action)) return false
    const live = request.identifier.includes('*') ? refuse('not one row') : normaliseIdentifier(request.identifier)
    return live.ok && identifierWithin(live.value, detail.identifier)
  },
  describe: detail =>
    `Perform ${detail.actions.join(', ')} on ${detail.identifier.includes('*') ? 'any row' : 'the row'} ${detail.identifier} at ${detail.locations.join(', ')}`,
}

function normalise(raw: RawDetail): Outcome<AgentRow> {
  const wrong = findWrongMember(raw, ['locations', 'actions', 'identifier'], [])
  if (wrong) return refuse(wrong)
  const locations = readLocations(raw)
  if (!locations.ok) return locations
  const actions = readNames(raw, 'actions', action, 'a name such as read, of letters, digits and _ . : -')
  if (!actions.ok) return actions
  const text = readText(raw, 'identifier')
  if (!text.ok) return text
  const identifier = normaliseIdentifier(text.value)
  if (!identifier.ok) return refuse(`field 'identifier' ${identifier.reason}`)
  return accept({ actions: actions.value, identifier: identifier.value, locations: locations.value, type: 'agent_row' })
}

function normaliseIdentifier(text: string): Outcome<string> {
  const segments = text.split('/')
  for (const [i, segment] of segments.entries()) {
    if (segment === '*') continue
    const normal = segment.includes('*') ? undefined : normaliseSegment(segment)
    if (!normal || isDotSegment(normal)) {
      return refuse(`has the segment ${quote(segment)}; write segments like orders/42, * alone for any one, other signs as %XX`)
    }
    segments[i] = normal
  }
  return accept(segments.join('/'))
}

/** Whether identifier `a` names only rows that `b` names too. */
function identifierWithin(a: string, b: string): boolean {
  if (a === b) return true
  if (!b.includes('*')) return false
  const narrow = a.split('/')
  const wide = b.split('/')
  return narrow.length === wide.length && wide.every((segment, i) => segment === '*' || segment === narrow[i])
}

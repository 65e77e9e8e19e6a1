// `agent_row`: actions on rows or objects, named by a path such as `orders/42`; a granted segment `*` stands for any one
// segment. The guard cannot see rows, so the resource says which one an operation touches.

import type { RowOperation } from '../request.ts'
import type { GrantedDetail } from './detail.ts'
import { hasExactly, textSet } from './members.ts'
import { isAt, type ResourcePlace } from './place.ts'

/** A compiled `agent_row` entry. */
export interface AgentRow {
  readonly type: 'agent_row'
  readonly detail: GrantedDetail
  readonly actions: ReadonlySet<string>
  readonly identifier: readonly string[]
  /** Whether the entry is for this resource at all. */
  readonly isHere: boolean
}

const grantedIdentifier = /^(?:\*|[A-Za-z0-9._~!$&'()+,;=:@%-]+)(?:\/(?:\*|[A-Za-z0-9._~!$&'()+,;=:@%-]+))*$/

/** Compiles an entry; undefined where it is not understood. */
export function compileAgentRow(detail: GrantedDetail, place: ResourcePlace): AgentRow | undefined {
  if (!hasExactly(detail, ['locations', 'actions', 'identifier'])) return undefined
  const locations = textSet(detail['locations'])
  const actions = textSet(detail['actions'])
  const identifier = detail['identifier']
  if (!locations || !actions || typeof identifier !== 'string' || !grantedIdentifier.test(identifier)) return undefined
  return { type: 'agent_row', detail, actions, identifier: identifier.split('/'), isHere: isAt(locations, place) }
}

/** Whether the entry covers the operation. What is asked for is one row: a `*`, an empty or a dot segment is never covered. */
export function coversRow(entry: AgentRow, operation: RowOperation): boolean {
  const asked = operation.identifier.split('/')
  return (
    entry.isHere &&
    entry.actions.has(operation.action) &&
    asked.length === entry.identifier.length &&
    asked.every((segment, at) => isOneRow(segment) && (entry.identifier[at] === '*' || entry.identifier[at] === segment))
  )
}

const isOneRow = (segment: string): boolean =>
  segment !== '.' &&
  segment !== '..' &&
  /^[A-Za-z0-9._~!$&'()+,;=:@%-]+$/.test(segment) &&
  !/%(?:2f|5c|2e|7f|[01].)/i.test(segment)

// `agent_tool`: calls of named MCP tools, some of their arguments held to a constant. The MCP server says which tool a call
// names and with what arguments, after it has parsed the message.

import type { ToolOperation } from '../request.ts'
import { isRecord } from '../token/strict-json.ts'
import type { GrantedDetail } from './detail.ts'
import { hasExactly, textSet } from './members.ts'
import { isAt, type ResourcePlace } from './place.ts'

/** A compiled `agent_tool` entry. */
export interface AgentTool {
  readonly type: 'agent_tool'
  readonly detail: GrantedDetail
  readonly tools: ReadonlySet<string>
  /** Arguments that must have exactly this value. */
  readonly held: readonly (readonly [name: string, value: unknown])[]
  /** Whether the entry is for this resource at all. */
  readonly isHere: boolean
}

/** Compiles an entry; undefined where it is not understood. */
export function compileAgentTool(detail: GrantedDetail, place: ResourcePlace): AgentTool | undefined {
  if (!hasExactly(detail, ['locations', 'actions'], ['arguments'])) return undefined
  const locations = textSet(detail['locations'])
  const tools = textSet(detail['actions'])
  const held = Object.hasOwn(detail, 'arguments') ? detail['arguments'] : {}
  if (!locations || !tools || !isRecord(held) || !Object.values(held).every(isConstant)) return undefined
  return { type: 'agent_tool', detail, tools, held: Object.entries(held), isHere: isAt(locations, place) }
}

/** Whether the entry covers the call: tool named, and every held argument there with the same type and value. */
export function coversCall(entry: AgentTool, operation: ToolOperation): boolean {
  const given = operation.arguments ?? {}
  return (
    entry.isHere &&
    entry.tools.has(operation.tool) &&
    entry.held.every(([name, value]) => Object.hasOwn(given, name) && given[name] === value)
  )
}

const isConstant = (value: unknown): boolean =>
  typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)

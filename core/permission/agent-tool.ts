// `agent_tool`: calls of named tools at an MCP server, some of their arguments held to a constant.

import { isJsonObject } from '../json/is-json-object.ts'
import { accept, MAX_CHARS, MAX_ENTRIES, type Outcome, type PermissionType, type RawDetail, refuse } from './permission-type.ts'
import { quote, show } from './quote.ts'
import { findWrongMember, locationsSchema, readLocations, readNames } from './read-field.ts'
import { isSortedSubset } from './sorted-list.ts'

export type ToolConstant = string | number | boolean

export interface AgentTool {
  readonly actions: readonly string[]
  /** Argument name → the only value that it may have. */
  readonly arguments?: Readonly<Record<string, ToolConstant>>
  readonly locations: readonly string[]
  readonly type: 'agent_tool'
}

export interface ToolRequest {
  readonly location: string
  readonly tool: string
  /** The call's `arguments` as parsed from JSON. */
  readonly arguments: Readonly<Record<string, unknown>>
}

const toolName = /^[A-Za-z0-9_][A-Za-z0-9_./:-]{0,127}$/
// Never a number: engines put such members first, out of canonical order. `__proto__` would vanish into the prototype.
const ARGUMENT_PATTERN = '^(?!__proto__$)[A-Za-z_$][A-Za-z0-9_.$-]{0,127}$'
const argumentName = new RegExp(ARGUMENT_PATTERN)

export const agentTool: PermissionType<AgentTool, ToolRequest> = {
  type: 'agent_tool',
  schema: {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'agent_tool',
    description: 'Calls of named tools at an MCP server.',
    type: 'object',
    properties: {
      type: { const: 'agent_tool' },
      locations: locationsSchema,
      actions: {
        type: 'array',
        items: { type: 'string', pattern: toolName.source },
        minItems: 1,
        maxItems: MAX_ENTRIES,
        description: 'Tool names as the server lists them. Case matters.',
      },
      arguments: {
        type: 'object',
        propertyNames: { pattern: ARGUMENT_PATTERN },
        additionalProperties: {
          anyOf: [
            { type: 'string', maxLength: MAX_CHARS },
            { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
            { type: 'boolean' },
          ],
        },
        maxProperties: MAX_ENTRIES,
        description: 'Arguments that must be present with exactly this value, for each of the tools. Others are free.',
      },
    },
    required: ['type', 'locations', 'actions'],
    additionalProperties: false,
  },
  normalise,
  subset: (a, b) =>
    isSortedSubset(a.actions, b.actions) && holdsAll(a.arguments ?? {}, b.arguments) && isSortedSubset(a.locations, b.locations),
  matches: (detail, request) =>
    detail.locations.includes(request.location) &&
    detail.actions.includes(request.tool) &&
    holdsAll(request.arguments, detail.arguments),
  describe: detail => {
    const held = Object.entries(detail.arguments ?? {}).map(([name, value]) => `${name} = ${show(value)}`)
    const tools = `${detail.actions.length > 1 ? 'tools' : 'tool'} ${detail.actions.join(', ')}`
    return `Call the ${tools} at ${detail.locations.join(', ')}${held.length > 0 ? `, only with ${held.join(', ')}` : ''}`
  },
}

/** Whether `values` has every constraint with the same type and value. */
function holdsAll(values: Readonly<Record<string, unknown>>, constraints: AgentTool['arguments']): boolean {
  if (constraints === undefined) return true
  return Object.keys(constraints).every(name => Object.hasOwn(values, name) && values[name] === constraints[name])
}

function normalise(raw: RawDetail): Outcome<AgentTool> {
  const wrong = findWrongMember(raw, ['locations', 'actions'], ['arguments'])
  if (wrong) return refuse(wrong)
  const locations = readLocations(raw)
  if (!locations.ok) return locations
  const actions = readNames(raw, 'actions', toolName, 'a tool name of letters, digits and _ - . / :')
  if (!actions.ok) return actions
  const constraints = Object.hasOwn(raw, 'arguments') ? readArguments(raw['arguments']) : accept(undefined)
  if (!constraints.ok) return constraints
  const rest = { locations: locations.value, type: 'agent_tool' } as const
  if (constraints.value === undefined) return accept({ actions: actions.value, ...rest })
  return accept({ actions: actions.value, arguments: constraints.value, ...rest })
}

/** The constraints with names in order; no constraint at all is the same as none given. */
function readArguments(raw: unknown): Outcome<AgentTool['arguments']> {
  if (!isJsonObject(raw)) return refuse("field 'arguments' must be an object")
  const names = Object.keys(raw).sort()
  if (names.length > MAX_ENTRIES) return refuse(`field 'arguments' must have at most ${MAX_ENTRIES} members`)
  const constraints: Record<string, ToolConstant> = {}
  for (const name of names) {
    if (!argumentName.test(name)) return refuse(`argument ${quote(name)} has a name that cannot be constrained`)
    const value = raw[name]
    if (!isConstant(value)) {
      return refuse(`argument ${quote(name)} must be a string of at most ${MAX_CHARS} characters, an integer, true or false`)
    }
    constraints[name] = value
  }
  return accept(names.length === 0 ? undefined : Object.freeze(constraints))
}

function isConstant(value: unknown): value is ToolConstant {
  if (typeof value === 'string') return value.length <= MAX_CHARS && value.isWellFormed()
  return typeof value === 'boolean' || (Number.isSafeInteger(value) && !Object.is(value, -0))
}

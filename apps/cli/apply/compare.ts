// Whether what is registered is what the file says. The broker shows things in full: with defaults, and lists that are sets
// sorted. So both sides are brought to that form first.

import type { Thing } from '../broker/broker.ts'
import type { Schema } from './file-schema.ts'
import { branchOf } from './read-file.ts'

export interface Difference {
  /** `settings.token_ttl_seconds` */
  readonly path: string
  /** Undefined: it is not there. */
  readonly was: unknown
  readonly value: unknown
}

/** What differs; none means that nothing needs to be done. Both without the members that only the broker sets. */
export function findDifferences(wanted: Thing, registered: Thing, schema: Schema): Difference[] {
  const branch = branchOf(schema, wanted) ?? schema
  return differencesOf(inFull(registered, branch, ''), inFull(wanted, branch, ''), '')
}

/** With the defaults of the schema, and sorted where order says nothing. */
function inFull(value: unknown, schema: Schema | undefined, member: string): unknown {
  if (typeof value === 'string') return member === 'scope' ? [...new Set(value.split(' '))].sort().join(' ') : value
  if (Array.isArray(value))
    return inOrder(
      value.map(item => inFull(item, schema?.items, '')),
      member,
    )
  if (typeof value !== 'object' || value === null) return value
  const properties = schema?.properties ?? {}
  const given = value as Thing
  const full: Record<string, unknown> = {}
  for (const [name, child] of Object.entries(properties)) {
    const present = given[name] ?? standardOf(child)
    if (present !== undefined) full[name] = inFull(present, child, name)
  }
  for (const name of Object.keys(given)) full[name] ??= inFull(given[name], properties[name], name)
  return full
}

/** What the broker takes where a member is left out. An object whose members all have defaults is one of these. */
function standardOf({ default: standard, type, properties, required }: Schema): unknown {
  if (standard !== undefined) return standard
  const members = Object.values(properties ?? {})
  return type === 'object' && required === undefined && members.some(each => each.default !== undefined) ? {} : undefined
}

const unordered = new Set(['authorization_details', 'locations', 'methods'])

function inOrder(items: readonly unknown[], member: string): readonly unknown[] {
  const areTexts = items.every(item => typeof item === 'string')
  if (!areTexts && !unordered.has(member)) return items
  const texts = new Map(items.map(item => [keyOf(item), item]))
  return [...texts.keys()].sort().map(text => texts.get(text))
}

function differencesOf(was: unknown, value: unknown, path: string): Difference[] {
  if (keyOf(was) === keyOf(value)) return []
  const at = (name: string | number) => (path === '' ? String(name) : `${path}.${name}`)
  if (isThing(was) && isThing(value)) {
    const names = [...new Set([...Object.keys(was), ...Object.keys(value)])]
    return names.flatMap(name => differencesOf(was[name], value[name], at(name)))
  }
  if (Array.isArray(was) && Array.isArray(value) && was.length === value.length) {
    return value.flatMap((item, index) => differencesOf(was[index], item, at(index)))
  }
  return [{ path, was, value }]
}

const isThing = (value: unknown): value is Thing => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The same text for the same value, whatever the order of members. */
export function keyOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(keyOf).join()}]`
  if (!isThing(value)) return JSON.stringify(value) ?? ''
  const members = Object.keys(value).filter(name => value[name] !== undefined)
  return `{${members.sort().map(name => `${JSON.stringify(name)}:${keyOf(value[name])}`)}}`
}

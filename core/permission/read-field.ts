// Readers for the members of a raw entry. Each returns the normal form of one member or says what is wrong with it.

import { accept, MAX_CHARS, MAX_ENTRIES, type Outcome, type RawDetail, refuse } from './permission-type.ts'
import { quote } from './quote.ts'
import { sortedSet } from './sorted-list.ts'
import { normaliseUri } from './uri.ts'

/** The reason why an entry has a member that its type does not know, or lacks one that it needs. */
export function findWrongMember(raw: RawDetail, required: readonly string[], optional: readonly string[]): string | undefined {
  for (const key of Object.keys(raw)) {
    if (key !== 'type' && !required.includes(key) && !optional.includes(key)) {
      return `field ${quote(key)} is unknown; this type has ${['type', ...required, ...optional].join(', ')}`
    }
  }
  const missing = required.find(key => !Object.hasOwn(raw, key))
  return missing === undefined ? undefined : `field '${missing}' is missing`
}

/** A text of 1 to 2,048 characters. */
export function readText(raw: RawDetail, field: string): Outcome<string> {
  const value = raw[field]
  if (typeof value !== 'string') return refuse(`field '${field}' must be a string`)
  if (value.length === 0 || value.length > MAX_CHARS) return refuse(`field '${field}' must have 1 to ${MAX_CHARS} characters`)
  return accept(value)
}

/** A list of 1 to 64 texts, each put into normal form by `normaliseItem`, then made a sorted set. */
export function readSet(
  raw: RawDetail,
  field: string,
  normaliseItem: (text: string) => Outcome<string>,
): Outcome<readonly string[]> {
  const value = raw[field]
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_ENTRIES) {
    return refuse(`field '${field}' must be an array of 1 to ${MAX_ENTRIES} strings`)
  }
  const items: string[] = []
  for (const item of value) {
    if (typeof item !== 'string') return refuse(`field '${field}' must hold strings only`)
    if (item.length > MAX_CHARS) return refuse(`a string in '${field}' is longer than ${MAX_CHARS} characters`)
    const normal = normaliseItem(item)
    if (!normal.ok) return refuse(`${quote(item)} in '${field}': ${normal.reason}`)
    items.push(normal.value)
  }
  return accept(Object.freeze(sortedSet(items)))
}

/** The URIs at which an entry holds. */
export function readLocations(raw: RawDetail): Outcome<readonly string[]> {
  return readSet(raw, 'locations', normaliseUri)
}

/** A list of names of the given shape; `hint` tells the shape in words. */
export function readNames(raw: RawDetail, field: string, shape: RegExp, hint: string): Outcome<readonly string[]> {
  return readSet(raw, field, name => (shape.test(name) ? accept(name) : refuse(`must be ${hint}`)))
}

/** Schemas of members that several types have. */
export const locationsSchema = {
  type: 'array',
  items: { type: 'string', format: 'uri', maxLength: MAX_CHARS, pattern: '^[A-Za-z][A-Za-z0-9+.-]*://[^/?#@]+[^?#]*$' },
  minItems: 1,
  maxItems: MAX_ENTRIES,
  description: 'URIs of the resources at which this entry holds: no user information, query or fragment.',
} as const

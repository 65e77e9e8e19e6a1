import { isJsonObject } from '#core/json/is-json-object.ts'

/** path: RFC 6901. was, value: what stood there and what will; missing where there was or will be nothing. */
export interface Difference {
  readonly op: 'add' | 'remove' | 'replace'
  readonly path: string
  readonly was?: unknown
  readonly value?: unknown
}

/** What changes between two JSON values, in the order of members; lists are compared place by place. Undefined: nothing there. */
export function findDifferences(before: unknown, after: unknown, path = ''): Difference[] {
  if (before === undefined) return after === undefined ? [] : [{ op: 'add', path, value: after }]
  if (after === undefined) return [{ op: 'remove', path, was: before }]
  if (Array.isArray(before) && Array.isArray(after)) return inMembers(before, after, path)
  if (isJsonObject(before) && isJsonObject(after)) return inMembers(before, after, path)
  return before === after ? [] : [{ op: 'replace', path, was: before, value: after }]
}

function inMembers(before: object, after: object, path: string): Difference[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].flatMap(name => findDifferences(own(before, name), own(after, name), `${path}/${escapePointer(name)}`))
}

const own = (value: object, name: string): unknown =>
  Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined

const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

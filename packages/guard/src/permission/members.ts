// Reading the members of one granted entry.

import type { GrantedDetail } from './detail.ts'

/** Whether the entry has all required members and no other than these and the optional ones. */
export function hasExactly(detail: GrantedDetail, required: readonly string[], optional: readonly string[] = []): boolean {
  return (
    required.every(name => Object.hasOwn(detail, name)) &&
    Object.keys(detail).every(name => name === 'type' || required.includes(name) || optional.includes(name))
  )
}

/** A non-empty array of non-empty strings, as a set; undefined for anything else. */
export function textSet(value: unknown): ReadonlySet<string> | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined
  if (!value.every(item => typeof item === 'string' && item.length > 0)) return undefined
  return new Set<string>(value)
}

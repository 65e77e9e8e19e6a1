// RFC 8785 canonical JSON (JCS). Most values that we canonicalise are built by us with their members already in order;
// for those `JSON.stringify` gives the very same bytes several times faster. A value takes that road only when the walk
// has shown that nothing in it could make the two differ; everything else goes through the `canonicalize` package.

import canonicalize from 'canonicalize'

/** Deeper than this the package's own non-recursive walk takes over. */
const MAX_ORDERED_DEPTH = 32

/**
 * The RFC 8785 form of a JSON value.
 *
 * Throws `TypeError` for what JSON cannot hold: lone surrogates, NaN, infinities, cycles, or a top-level `undefined`.
 * Members whose value is `undefined` are left out, as by `JSON.stringify`.
 */
export function canonicalJson(value: unknown): string {
  if (isOrdered(value, MAX_ORDERED_DEPTH)) return JSON.stringify(value)
  let text: string | undefined
  try {
    text = canonicalize(value)
  } catch (cause) {
    throw new TypeError('this value has no canonical JSON form', { cause })
  }
  if (text === undefined) throw new TypeError('this value has no canonical JSON form')
  return text
}

/** True only for plain data whose members stand in UTF-16 code unit order, so that `JSON.stringify` yields JCS. */
function isOrdered(value: unknown, depthLeft: number): boolean {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed()
    case 'number':
      return Number.isFinite(value)
    case 'boolean':
      return true
    case 'object':
      if (value === null) return true
      if (depthLeft === 0) return false
      return Array.isArray(value) ? isOrderedArray(value, depthLeft) : isOrderedObject(value, depthLeft)
    default:
      return false
  }
}

function isOrderedArray(value: readonly unknown[], depthLeft: number): boolean {
  if (Object.getPrototypeOf(value) !== Array.prototype || 'toJSON' in value) return false
  for (let i = 0; i < value.length; i++) if (!isOrdered(value[i], depthLeft - 1)) return false
  return true
}

function isOrderedObject(value: object, depthLeft: number): boolean {
  if (Object.getPrototypeOf(value) !== Object.prototype || 'toJSON' in value) return false
  let previous: string | undefined
  for (const key of Object.keys(value)) {
    if (previous !== undefined && key <= previous) return false
    if (!key.isWellFormed() || !isOrdered((value as Record<string, unknown>)[key], depthLeft - 1)) return false
    previous = key
  }
  return true
}

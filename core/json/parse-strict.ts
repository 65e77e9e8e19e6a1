// JSON from strangers. `JSON.parse` is lenient where it hurts: of two equal keys it keeps the last, it rounds numbers, it
// lets lone surrogates and `__proto__` through. Here each of those is refused.
//
// Accepting is fast and simple: one pass over the text counts members and depth, the engine parses, one pass over the
// value counts members again. A repeated key loses at least one member, so the counts agree exactly when no key repeats.
// Only refusing is slow: `find-fault.ts` then reads the text by the grammar to say where and why.

import { type Fault, type FaultReason, findFault } from './find-fault.ts'

export type { FaultReason } from './find-fault.ts'

export interface StrictJsonLimits {
  /** Nested arrays and objects; `[]` is 1. Default 16. */
  readonly maxDepth?: number
  /** Size of the text in UTF-8 bytes. Default 65,536. */
  readonly maxBytes?: number
  /** `safe-integers` (default) refuses decimals, exponents, `-0` and |n| > 2⁵³ − 1. `any` takes every finite number. */
  readonly numbers?: 'safe-integers' | 'any'
}

/** Why and where (UTF-16 offset) a text was refused. The message never quotes the text, which may hold a secret. */
export class StrictJsonError extends Error {
  readonly reason: FaultReason
  readonly position: number

  constructor(fault: Fault) {
    super(`${fault.reason} at position ${fault.position}`)
    this.name = 'StrictJsonError'
    this.reason = fault.reason
    this.position = fault.position
  }
}

/**
 * The value of an untrusted JSON text (RFC 8259, narrowed to I-JSON, RFC 7493). Linear time.
 *
 * Throws `StrictJsonError` for a syntax error, trailing characters, a duplicate or `__proto__` key, a lone surrogate
 * (raw or escaped), a number outside `numbers`, and a text beyond `maxDepth` or `maxBytes`.
 */
export function parseStrictJson(text: string, limits: StrictJsonLimits = {}): unknown {
  const { maxDepth = 16, maxBytes = 65_536, numbers = 'safe-integers' } = limits
  if (isTooLarge(text, maxBytes)) throw new StrictJsonError({ reason: 'text too large', position: 0 })
  const integersOnly = numbers === 'safe-integers'
  const members = text.isWellFormed() ? countMembers(text, maxDepth, integersOnly) : -1
  if (members >= 0) {
    const value = parseOrUndefined(text)
    if (value !== undefined && countValueMembers(value, integersOnly, text.includes('\\')) === members) return value
  }
  throw new StrictJsonError(findFault(text, { maxDepth, integersOnly }) ?? { reason: 'invalid JSON', position: 0 })
}

function isTooLarge(text: string, maxBytes: number): boolean {
  // A UTF-16 unit takes one to three bytes, so most texts need no counting.
  if (text.length > maxBytes) return true
  return text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // JSON has no undefined; the fault is located by the caller
  }
}

/** Colons outside strings = members written; -1 when too deep or a number is not written as an integer. */
function countMembers(text: string, maxDepth: number, integersOnly: boolean): number {
  let members = 0
  let depth = 0
  let previous = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x22) {
      i++
      for (let d = text.charCodeAt(i); d !== 0x22 && i < text.length; d = text.charCodeAt(i)) i += d === 0x5c ? 2 : 1
    } else if (c === 0x3a) {
      members++
    } else if (c === 0x7b || c === 0x5b) {
      if (++depth > maxDepth) return -1
    } else if (c === 0x7d || c === 0x5d) {
      depth--
    } else if (integersOnly && (c === 0x2e || ((c | 0x20) === 0x65 && previous >= 0x30 && previous <= 0x39))) {
      return -1
    }
    previous = c
  }
  return members
}

/** Members of a parsed value at all levels; -1 when something in it is refused. Depth is bounded by `countMembers`. */
function countValueMembers(value: unknown, integersOnly: boolean, escaped: boolean): number {
  if (typeof value === 'string') return escaped && !value.isWellFormed() ? -1 : 0
  if (typeof value === 'number') return isAllowedNumber(value, integersOnly) ? 0 : -1
  if (value === null || typeof value !== 'object') return 0
  const inside = Array.isArray(value) ? value : Object.values(value)
  let members = 0
  if (inside !== value) {
    if (Object.hasOwn(value, '__proto__') || (escaped && !Object.keys(value).every(key => key.isWellFormed()))) return -1
    members = inside.length
  }
  for (const item of inside) {
    const below = countValueMembers(item, integersOnly, escaped)
    if (below < 0) return -1
    members += below
  }
  return members
}

/** Whether a number that JSON.parse made may stand; `-0` has a second spelling and is refused with the integers. */
function isAllowedNumber(value: number, integersOnly: boolean): boolean {
  return integersOnly ? Number.isSafeInteger(value) && !Object.is(value, -0) : Number.isFinite(value)
}

// The slow, exact reader behind `parse-strict.ts`: follows the RFC 8259 grammar character by character without recursion
// and says where the first fault is. It builds no value. Tests hold it against the fast path on valid and damaged texts.

export type FaultReason =
  | 'invalid JSON'
  | 'unexpected end'
  | 'trailing characters'
  | 'duplicate key'
  | 'forbidden key'
  | 'lone surrogate'
  | 'number not allowed'
  | 'nesting too deep'
  | 'text too large'

export interface Fault {
  readonly reason: FaultReason
  /** UTF-16 offset into the text. */
  readonly position: number
}

interface FaultLimits {
  readonly maxDepth: number
  readonly integersOnly: boolean
}

/** An open container: the keys seen so far for an object, nothing for an array. */
type Frame = Set<string> | undefined

const whitespace = /[\t\n\r ]*/y
const escapeToken = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const numberToken = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y
const literalToken = /true|false|null/y

/** The first fault of a JSON text, or undefined when it is sound. Linear time, no recursion. */
export function findFault(text: string, limits: FaultLimits): Fault | undefined {
  const reader = new Reader(text, limits)
  const fault = reader.readValues()
  if (fault) return fault
  return reader.position === text.length ? undefined : { reason: 'trailing characters', position: reader.position }
}

class Reader {
  position = 0
  readonly #text: string
  readonly #limits: FaultLimits
  readonly #open: Frame[] = []

  constructor(text: string, limits: FaultLimits) {
    this.#text = text
    this.#limits = limits
  }

  /** Reads one whole value with everything inside it. */
  readValues(): Fault | undefined {
    this.#skip()
    for (;;) {
      const started = this.#startValue()
      if (started === 'opened') continue
      if (started !== 'done') return started
      for (;;) {
        this.#skip()
        if (this.#open.length === 0) return undefined
        const next = this.#afterItem()
        if (next === 'more') break
        if (next !== 'closed') return next
      }
    }
  }

  /** Reads a scalar or an empty container ('done'), or enters a container up to its first value ('opened'). */
  #startValue(): 'done' | 'opened' | Fault {
    const c = this.#text[this.position]
    if (c === '"') return this.#readString() ?? 'done'
    if (c !== '{' && c !== '[') return this.#readScalar() ?? 'done'
    if (this.#open.length >= this.#limits.maxDepth) return this.#fault('nesting too deep')
    this.position++
    this.#skip()
    if (this.#text[this.position] === (c === '{' ? '}' : ']')) {
      this.position++
      return 'done'
    }
    this.#open.push(c === '{' ? new Set() : undefined)
    return (c === '{' ? this.#readKey() : undefined) ?? 'opened'
  }

  /** Behind an item of the innermost container: a comma and what leads to the next value, or the closing bracket. */
  #afterItem(): 'more' | 'closed' | Fault {
    const keys = this.#open.at(-1)
    const c = this.#text[this.position]
    if (c === (keys ? '}' : ']')) {
      this.position++
      this.#open.pop()
      return 'closed'
    }
    if (c !== ',') return this.#fault('invalid JSON')
    this.position++
    this.#skip()
    return (keys ? this.#readKey() : undefined) ?? 'more'
  }

  #readKey(): Fault | undefined {
    const start = this.position
    if (this.#text[start] !== '"') return this.#fault('invalid JSON')
    const fault = this.#readString()
    if (fault) return fault
    const key = JSON.parse(this.#text.slice(start, this.position)) as string
    const keys = this.#open.at(-1)!
    if (key === '__proto__') return { reason: 'forbidden key', position: start }
    if (keys.has(key)) return { reason: 'duplicate key', position: start }
    keys.add(key)
    this.#skip()
    if (this.#text[this.position] !== ':') return this.#fault('invalid JSON')
    this.position++
    this.#skip()
    return undefined
  }

  #readString(): Fault | undefined {
    const start = this.position++
    for (;;) {
      const c = this.#text.charCodeAt(this.position)
      if (c === 0x22) break
      if (c === 0x5c) {
        if (this.#take(escapeToken) === undefined) return this.#fault('invalid JSON')
      } else if (c >= 0x20) this.position++
      else return this.#fault('invalid JSON') // a control character, or NaN behind the end
    }
    this.position++
    const value = JSON.parse(this.#text.slice(start, this.position)) as string
    return value.isWellFormed() ? undefined : { reason: 'lone surrogate', position: start }
  }

  #readScalar(): Fault | undefined {
    if (this.#take(literalToken) !== undefined) return undefined
    const start = this.position
    const token = this.#take(numberToken)
    if (token === undefined) return this.#fault('invalid JSON')
    const written = this.#limits.integersOnly ? /^(?:0|-?[1-9][0-9]*)$/.test(token) : true
    const value = Number(token)
    const fits = this.#limits.integersOnly ? Number.isSafeInteger(value) : Number.isFinite(value)
    return written && fits ? undefined : { reason: 'number not allowed', position: start }
  }

  #take(token: RegExp): string | undefined {
    token.lastIndex = this.position
    const found = token.exec(this.#text)?.[0]
    if (found !== undefined) this.position += found.length
    return found
  }

  #skip(): void {
    this.#take(whitespace)
  }

  #fault(reason: FaultReason): Fault {
    return this.position >= this.#text.length
      ? { reason: 'unexpected end', position: this.#text.length }
      : { reason, position: this.position }
  }
}

// Reading DER (X.690) item by item. Strict: definite lengths in their shortest form, tags of one byte, nothing left over. There
// is one way to write each thing, so that names and serial numbers can be compared as bytes.

import { BrokerError } from '#core/errors/broker-error.ts'

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const

export interface DerItem {
  readonly tag: number
  readonly content: Buffer
  /** With its header. */
  readonly whole: Buffer
}

const fault = (detail: string): Error => new BrokerError('internal', { detail: `DER: ${detail}` })

/** Reads the items that stand one after the other in `bytes`. Throws at the first that is not DER. */
export class DerReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length
  }

  /** The next item if it has this tag; undefined, and nothing is read, when it has another or there is none. */
  optional(tag: number): DerItem | undefined {
    return this.#bytes[this.#at] === tag ? this.#next() : undefined
  }

  take(tag: number): DerItem {
    const item = this.optional(tag)
    if (!item) throw fault(`0x${tag.toString(16)} expected`)
    return item
  }

  /** The next item, which must be a sequence, as a reader of what is in it. */
  enter(tag: number = tags.sequence): DerReader {
    return new DerReader(this.take(tag).content)
  }

  end(): void {
    if (!this.ended) throw fault('more than was expected')
  }

  #next(): DerItem {
    const start = this.#at
    const tag = this.#bytes[start]!
    if ((tag & 0x1f) === 0x1f) throw fault('a tag of several bytes')
    const { length, contentAt } = this.#length(start + 1)
    const end = contentAt + length
    if (end > this.#bytes.length) throw fault('cut short')
    this.#at = end
    return { tag, content: this.#bytes.subarray(contentAt, end), whole: this.#bytes.subarray(start, end) }
  }

  #length(at: number): { readonly length: number; readonly contentAt: number } {
    const first = this.#bytes[at]
    if (first === undefined) throw fault('cut short')
    if (first < 0x80) return { length: first, contentAt: at + 1 }
    const count = first & 0x7f
    if (count === 0 || count > 4 || at + 1 + count > this.#bytes.length) throw fault('a length that is none')
    const length = this.#bytes.readUIntBE(at + 1, count)
    if (length < 0x80 || length < 2 ** (8 * (count - 1))) throw fault('a length that is not in its shortest form')
    return { length, contentAt: at + 1 + count }
  }
}

/** The whole text as one item. */
export function readOne(bytes: Buffer, tag: number = tags.sequence): DerReader {
  const outer = new DerReader(bytes)
  const inner = outer.enter(tag)
  outer.end()
  return inner
}

/** Hex of an INTEGER's content; equal numbers have equal text. */
export function integerText({ content }: DerItem): string {
  const [first, second] = content
  const padded = second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))
  if (first === undefined || padded) throw fault('an integer that is not in its shortest form')
  return content.toString('hex')
}

/** RFC 5280 § 4.1.2.5: UTC, with seconds, no fractions. Milliseconds since the epoch. */
export function timeMs({ tag, content }: DerItem): number {
  const text = content.toString('latin1')
  const match = (
    tag === tags.utcTime ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
  ).exec(text)
  if (!match) throw fault('no time')
  const [, written, ...rest] = match.map(Number) as [number, number, number, number, number, number, number]
  const year = tag === tags.generalizedTime ? written : written + (written < 50 ? 2000 : 1900)
  const [month, day, hour, minute, second] = rest
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

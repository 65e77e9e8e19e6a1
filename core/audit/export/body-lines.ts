// The lines of `bodies.ndjson`. Written as exports are, `{"position":…,"body":"…"}`, a line is read as the bytes that it is; whatever
// else JSON can say the same with is parsed.

import { type Cursor, copyJsonText, cursorAt, slackBytes } from './copy-json-text.ts'
import { type RoomyBody, saltRoomBytes } from './is-body-of.ts'

const head = Buffer.from('{"position":')
const middle = Buffer.from(',"body":"')
const tail = Buffer.from('"}')
const newline = 0x0a
/** A number of so many digits is a safe integer. */
const digitsMax = 15

/** One line at a time; its body is there until the next line is read. */
export class BodyLines implements RoomyBody {
  readonly #blocks: Iterator<Buffer>
  #from = cursorAt(Buffer.alloc(0), 0)
  #out = cursorAt(Buffer.alloc(saltRoomBytes), saltRoomBytes)
  /** Of the line that it stands at, from 1. */
  number = 0
  /** -1: the line is no position with a body. */
  position = -1

  constructor(blocks: Iterable<Buffer>) {
    this.#blocks = blocks[Symbol.iterator]()
  }

  /** Goes on to the next line; false when there are no more. */
  next(): boolean {
    if (this.#from.at >= this.#from.bytes.length && !this.#nextBlock()) return false
    this.number++
    const start = this.#from.at
    this.#out.at = saltRoomBytes
    if (!this.#readPlain()) this.#readAny(start)
    return true
  }

  get bytes(): Buffer {
    return this.#out.bytes
  }

  get end(): number {
    return this.#out.at
  }

  #nextBlock(): boolean {
    const { value, done } = this.#blocks.next()
    if (done) return false
    this.#from = cursorAt(value, 0)
    const needed = saltRoomBytes + value.length + slackBytes
    if (this.#out.bytes.length < needed) this.#out = cursorAt(Buffer.alloc(needed), saltRoomBytes)
    return true
  }

  #readPlain(): boolean {
    const from = this.#from
    if (!skipOver(from, head)) return false
    const digits = from.at
    this.position = 0
    for (let digit = digitAt(from); digit >= 0; digit = digitAt(from)) {
      this.position = this.position * 10 + digit
      from.at++
    }
    const count = from.at - digits
    const isNumber = count === 1 || (count > 1 && count <= digitsMax && from.bytes[digits] !== 0x30)
    if (!isNumber || !skipOver(from, middle) || !copyJsonText(from, this.#out) || !skipOver(from, tail)) return false
    return from.at === from.bytes.length || from.bytes[from.at++] === newline
  }

  #readAny(start: number): void {
    const from = this.#from
    const found = from.bytes.indexOf(newline, start)
    const end = found < 0 ? from.bytes.length : found
    from.at = end + 1
    const line = parseLine(from.bytes.toString('utf8', start, end))
    this.position = line?.position ?? -1
    if (line) this.#out.at = saltRoomBytes + this.#out.bytes.write(line.body, saltRoomBytes)
  }
}

const digitAt = ({ bytes, at }: Cursor): number => {
  const digit = (bytes[at] ?? 0) - 0x30
  return digit <= 9 ? digit : -1
}

/** False where something else stands there; the cursor is not moved then. */
function skipOver(cursor: Cursor, text: Buffer): boolean {
  for (let at = 0; at < text.length; at++) if (cursor.bytes[cursor.at + at] !== text[at]) return false
  cursor.at += text.length
  return true
}

function parseLine(text: string): { readonly position: number; readonly body: string } | undefined {
  try {
    const { position, body } = JSON.parse(text) as { readonly position?: unknown; readonly body?: unknown }
    return Number.isSafeInteger(position) && (position as number) >= 0 && typeof body === 'string'
      ? { position: position as number, body }
      : undefined
  } catch {
    return undefined
  }
}

// A leaf commits to its body: `body_hash` = base64url of SHA-256 over the leaf's `salt`, as text, and the body's exact bytes.

import { hash } from 'node:crypto'

/** Bytes that are left free before a body, for the longest salt that is taken; ours have 22. */
export const saltRoomBytes = 64
const hashName = Buffer.from('"body_hash":"')
const saltName = Buffer.from('"salt":"')
const hashChars = 43
const quote = 0x22

/** Whether this is the body that the leaf was written with; false for a leaf that commits to none. leaf: its exact bytes. */
export function isBodyOf(leaf: Buffer, body: string): boolean {
  const bytes = Buffer.allocUnsafe(saltRoomBytes + Buffer.byteLength(body))
  bytes.write(body, saltRoomBytes)
  return new BodyJudge().isBodyOf(leaf, 0, leaf.length, { bytes, end: bytes.length })
}

/** A body in [saltRoomBytes, end) of the bytes; the room before it is written to. */
export interface RoomyBody {
  readonly bytes: Buffer
  readonly end: number
}

/** Judges one body after another where they lie: among millions, an object for each would cost as much as its hash. */
export class BodyJudge {
  readonly #hash = new Member(hashName)
  readonly #salt = new Member(saltName)

  /** As above, of the leaf in [start, end) of `leaves`. */
  isBodyOf(leaves: Buffer, start: number, end: number, { bytes, end: bodyEnd }: RoomyBody): boolean {
    const committed = this.#hash.find(leaves, start, end)
    const salt = this.#salt.find(leaves, start, end)
    if (committed < 0 || salt < 0) return false
    const saltEnd = endOfText(leaves, salt, Math.min(end, salt + saltRoomBytes))
    if (saltEnd < 0 || leaves[committed + hashChars] !== quote) return false
    const from = saltRoomBytes - (saltEnd - salt)
    for (let at = 0; at < saltEnd - salt; at++) bytes[from + at] = leaves[salt + at]!
    return isText(hash('sha256', bytes.subarray(from, bodyEnd), 'base64url'), leaves, committed)
  }
}

/** Finds a member of leaves. They are canonical and hold ids, hashes and names only, so no value can look like a member. */
class Member {
  readonly #name: Buffer
  /** Where the leaf before had it; most are alike. */
  #offset = 0

  constructor(name: Buffer) {
    this.#name = name
  }

  /** Where its text begins; -1: the leaf has none. */
  find(leaves: Buffer, start: number, end: number): number {
    const name = this.#name
    if (!stands(name, leaves, start + this.#offset)) {
      const found = leaves.indexOf(name, start)
      if (found < 0) return -1
      this.#offset = found - start
    }
    const text = start + this.#offset + name.length
    return text < end ? text : -1
  }
}

function endOfText(bytes: Buffer, at: number, end: number): number {
  for (let to = at; to < end; to++) if (bytes[to] === quote) return to
  return -1
}

function stands(text: Uint8Array, bytes: Buffer, at: number): boolean {
  for (let each = 0; each < text.length; each++) if (text[each] !== bytes[at + each]) return false
  return true
}

function isText(text: string, bytes: Buffer, at: number): boolean {
  for (let each = 0; each < text.length; each++) if (text.charCodeAt(each) !== bytes[at + each]) return false
  return true
}

// The text between the quotes of a JSON string, as the bytes that it stands for. JSON.parse would make a string of it, and hashing that
// would make bytes of it again. Among millions of bodies that is most of the time, so here four bytes are looked at in one step.

import { isUtf8 } from 'node:buffer'

/** A place in memory. */
export interface Cursor {
  readonly bytes: Buffer
  readonly view: DataView
  at: number
}

export const cursorAt = (bytes: Buffer, at: number): Cursor => ({
  bytes,
  view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
  at,
})

const quote = 0x22
const backslash = 0x5c
/** Bytes below it are control characters, which stand in no JSON string. */
const printable = 0x20
const stepBytes = 4
/** What `out` must have room for beyond the text itself. */
export const slackBytes = stepBytes

/**
 * Copies from behind the opening quote to before the closing one, and moves both cursors there. False where there is no such text in
 * UTF-8 with no other escapes than `\"` and `\\`: the cursors mean nothing then. out: with room for all that is left of `from`.
 */
export function copyJsonText(from: Cursor, out: Cursor): boolean {
  const [source, target] = [from.bytes, out.bytes]
  const lastStep = source.length - stepBytes
  let [at, to, seen] = [from.at, out.at, 0]
  for (;;) {
    if (at <= lastStep) {
      const four = from.view.getInt32(at, true)
      out.view.setInt32(to, four, true)
      seen |= four
      const marks = marksOfSpecial(four)
      const plain = marks === 0 ? stepBytes : (31 - Math.clz32(marks & -marks)) >> 3
      at += plain
      to += plain
      if (marks === 0) continue
    }
    const byte = source[at++]
    if (byte === quote) break
    const meant = byte === backslash ? source[at++] : byte
    if (meant === undefined || meant < printable || (byte === backslash && meant !== quote && meant !== backslash)) return false
    target[to++] = meant
    seen |= meant
  }
  const isAscii = (seen & 0x80808080) === 0
  if (!isAscii && !isUtf8(target.subarray(out.at, to))) return false
  from.at = at - 1
  out.at = to
  return true
}

/** The highest bit of each byte that is a quote, a backslash or a control character; above the first of them perhaps of others too. */
function marksOfSpecial(four: number): number {
  const quotes = four ^ 0x22222222
  const backslashes = four ^ 0x5c5c5c5c
  return (
    (((quotes - 0x01010101) & ~quotes) | ((backslashes - 0x01010101) & ~backslashes) | ((four - 0x20202020) & ~four)) & 0x80808080
  )
}

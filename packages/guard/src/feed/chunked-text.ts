/** Longest line between two chunks. */
const mostLineChars = 1024
const sizeLine = /^([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?$/

/** Takes apart a body that comes in chunks (RFC 9112 § 7.1), piece by piece as it arrives. */
export class ChunkedText {
  /** Of a line that has not come to its end. */
  #held = ''
  /** Of the chunk, still to come. */
  #left = 0
  #isChunkOver = false
  #hasEnded = false

  /** The last chunk has come. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** What of the body is in the next bytes, in latin1; undefined where these are no chunks. */
  take(bytes: string): string | undefined {
    const text = this.#held + bytes
    let body = ''
    let at = 0
    while (!this.#hasEnded) {
      if (this.#left > 0) {
        const part = text.slice(at, at + this.#left)
        body += part
        at += part.length
        this.#left -= part.length
        if (this.#left > 0) break
      }
      const end = text.indexOf('\r\n', at)
      if (end < 0) break
      if (!this.#takeLine(text.slice(at, end))) return undefined
      at = end + 2
    }
    this.#held = text.slice(at)
    return this.#held.length > mostLineChars ? undefined : body
  }

  #takeLine(line: string): boolean {
    if (this.#isChunkOver) {
      this.#isChunkOver = false
      return line === ''
    }
    const size = sizeLine.exec(line)?.[1]
    if (size === undefined) return false
    this.#left = Number.parseInt(size, 16)
    this.#isChunkOver = this.#left > 0
    // What may follow is about the connection, which ends here.
    this.#hasEnded = this.#left === 0
    return true
  }
}

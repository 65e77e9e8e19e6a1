// Keeps answers outside the garbage-collected heap until the run is over. Kept as strings, they would all survive the young
// generation, and the generator would pause for up to 10 ms at a time and charge that to the server.

export interface CollectedAnswer {
  index: number
  status: number
  body: string
  latencyMs: number
}

const chunkBytes = 4 * 2 ** 20
const fields = 6

export class AnswerStore implements Iterable<CollectedAnswer> {
  readonly #chunks: Buffer[] = []
  /** index, status, latencyMs, chunk, offset, length of each answer, flat. */
  readonly #rows: number[] = []
  #used = chunkBytes

  get length(): number {
    return this.#rows.length / fields
  }

  /** Copies `body`, which the caller may reuse afterwards. */
  add(index: number, status: number, latencyMs: number, body: Buffer): void {
    if (this.#used + body.length > chunkBytes) {
      this.#chunks.push(Buffer.allocUnsafeSlow(Math.max(chunkBytes, body.length)))
      this.#used = 0
    }
    body.copy(this.#chunks.at(-1)!, this.#used)
    this.#rows.push(index, status, latencyMs, this.#chunks.length - 1, this.#used, body.length)
    this.#used += body.length
  }

  *[Symbol.iterator](): Generator<CollectedAnswer> {
    for (let at = 0; at < this.#rows.length; at += fields) {
      const [index, status, latencyMs, chunk, offset, length] = this.#rows.slice(at, at + fields) as [
        number,
        number,
        number,
        number,
        number,
        number,
      ]
      yield { index, status, latencyMs, body: this.#chunks[chunk]!.toString('utf8', offset, offset + length) }
    }
  }
}

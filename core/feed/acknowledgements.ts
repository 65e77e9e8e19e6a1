// What guards say they have applied, gathered for a moment and written together. An acknowledgement that is lost with this process
// costs nothing but knowledge: the guard's next one says at least as much.

import { BrokerError } from '#core/errors/broker-error.ts'
import type { Acknowledgement } from '#db/feed/acknowledgements.ts'

const gatherMs = 20
/** Between two writes: a tenth of the time at most goes to them, and nobody waits for longer than a second. */
const leastRestMs = 200
const longestRestMs = 1_000
const retryMs = 1_000
/** From here on only the last word of each receiver is kept: what it said before then counts from the time of that. */
const manyRows = 1_000
const mostRows = 20_000

export class Acknowledgements {
  readonly #write: (rows: readonly Acknowledgement[]) => Promise<void>
  readonly #mark: () => number
  #rows: Acknowledgement[] = []
  /** Where in `#rows` a receiver's last word stands. */
  readonly #last = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined

  /** mark: monotonic milliseconds. */
  constructor(write: (rows: readonly Acknowledgement[]) => Promise<void>, mark: () => number) {
    this.#write = write
    this.#mark = mark
  }

  /** Throws BrokerError `overloaded` when too much waits to be written. */
  note(row: Acknowledgement): void {
    const name = `${row.tenantId} ${row.receiverId}`
    const at = this.#last.get(name)
    if (at !== undefined && (this.#rows.length >= manyRows || saysTheSame(this.#rows[at]!, row))) {
      if (!saysTheSame(this.#rows[at]!, row)) this.#rows[at] = row
      return
    }
    if (this.#rows.length >= mostRows)
      throw new BrokerError('overloaded', { detail: 'acknowledgements wait to be written', retryAfterSeconds: 5 })
    this.#last.set(name, this.#rows.push(row) - 1)
    this.#schedule(gatherMs)
  }

  #schedule(ms: number): void {
    if (this.#writing) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.flush()
    }, ms).unref()
  }

  /** Writes what has gathered. Never throws: what could not be written is tried again. */
  async flush(): Promise<void> {
    if (this.#writing) await this.#writing
    if (this.#rows.length === 0) return
    const rows = this.#rows
    this.#rows = []
    this.#last.clear()
    const began = this.#mark()
    let isWritten = true
    this.#writing = this.#write(rows).catch(() => {
      isWritten = false
    })
    await this.#writing
    this.#writing = undefined
    if (!isWritten) {
      this.#rows = [...rows, ...this.#rows].slice(0, mostRows)
      this.#last.clear()
    }
    const restMs = Math.min(longestRestMs, Math.max(leastRestMs, 10 * (this.#mark() - began)))
    if (this.#rows.length > 0) this.#schedule(isWritten ? restMs : retryMs)
  }

  /** Writes what it can and stops. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.flush()
    clearTimeout(this.#timer)
  }
}

const saysTheSame = (a: Acknowledgement, b: Acknowledgement): boolean =>
  a.epoch === b.epoch && a.shard === b.shard && a.leaves === b.leaves

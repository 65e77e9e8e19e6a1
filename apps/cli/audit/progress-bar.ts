// How far something long has come: a bar on a terminal, a line now and then elsewhere, nothing where it is over at once.

import type { Io } from '../io.ts'

const width = 28
const paintEveryMs = 100
const sayEveryMs = 10_000
/** What is over sooner needs no bar. */
const quietMs = 400

export class ProgressBar {
  readonly #io: Io
  readonly #title: string
  readonly #total: number
  readonly #from: number
  readonly #startedMs = performance.now()
  #paintedMs = performance.now()
  #isShown = false

  /** total, from: in entries; from: how many were done before. */
  constructor(io: Io, title: string, total: number, from = 0) {
    this.#io = io
    this.#title = title
    this.#total = total
    this.#from = from
  }

  /** done: in entries. */
  at(done: number): void {
    const nowMs = performance.now()
    const { err: isTerminal } = this.#io.terminal
    if (nowMs - this.#startedMs < quietMs || nowMs - this.#paintedMs < (isTerminal ? paintEveryMs : sayEveryMs)) return
    this.#paintedMs = nowMs
    this.#io.err(isTerminal ? `\r\u001b[K${this.#line(done, nowMs)}` : `${this.#line(done, nowMs)}\n`)
    this.#isShown = isTerminal
  }

  /** Takes it off the terminal. */
  end(): void {
    if (this.#isShown) this.#io.err('\r\u001b[K')
    this.#isShown = false
  }

  /** Entries a second since it began. */
  rate(done: number): number {
    return Math.round((done - this.#from) / Math.max(0.001, (performance.now() - this.#startedMs) / 1000))
  }

  #line(done: number, nowMs: number): string {
    const share = this.#total === 0 ? 1 : Math.min(1, done / this.#total)
    const filled = Math.round(share * width)
    const elapsed = (nowMs - this.#startedMs) / 1000
    const left = done > this.#from ? ((this.#total - done) * elapsed) / (done - this.#from) : Number.NaN
    const bar = `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`
    const numbers = `${readable(done)} of ${readable(this.#total)}, ${readable(this.rate(done))}/s`
    return `${this.#title} ${bar} ${Math.floor(share * 100)} %  ${numbers}${Number.isNaN(left) ? '' : `, ${Math.ceil(left)} s left`}`
  }
}

/** 1,234,567 */
export const readable = (count: number): string => count.toLocaleString('en-US')

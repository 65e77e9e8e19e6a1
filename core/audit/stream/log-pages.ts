// The log as it grows, for many readers of one process. Each reads on from its own position, but those who are at the end ask for the
// same entries at the same moment: they are read and parsed once, by pages of fixed borders, and a few pages stay at hand.
//
// Nobody tells that the log has grown, since that would be work on the way of every token. The head is asked for instead, while
// somebody waits for it, a few times a second.

import type { LogHead } from '#db/audit-stream/log-range.ts'
import type { LogEntry } from '#db/log/read-entries.ts'
import { readEntry, type StreamEntry } from './entry.ts'

export interface LogPagesOptions {
  readonly readHead: () => Promise<LogHead>
  /** Entries from a position up to but without another. */
  readonly readRange: (from: number, to: number) => Promise<readonly LogEntry[]>
  /** How often the head is asked for while somebody waits. */
  readonly pollMs?: number
}

const pageSize = 256
/** Some 10 MB when entries are long. */
const pagesKept = 32

interface Page {
  readonly to: number
  readonly entries: Promise<readonly StreamEntry[]>
}

interface Waiting {
  readonly position: number
  readonly settle: (head: LogHead | undefined, error?: unknown) => void
}

export class LogPages {
  readonly #options: Required<LogPagesOptions>
  readonly #pages = new Map<number, Page>()
  readonly #waiting = new Set<Waiting>()
  #timer: NodeJS.Timeout | undefined
  #isAsking = false

  constructor(options: LogPagesOptions) {
    this.#options = { pollMs: 200, ...options }
  }

  head(): Promise<LogHead> {
    return this.#options.readHead()
  }

  /** Entries from a position on, which is below `size`: as many as its page has. size: of the log, as `head` gave it. */
  async read(position: number, size: number): Promise<readonly StreamEntry[]> {
    const start = position - (position % pageSize)
    const to = Math.min(start + pageSize, size)
    let page = this.#pages.get(start)
    if (page === undefined || page.to < to) {
      page = { to, entries: this.#readPage(start, to) }
      this.#keep(start, page)
    }
    const entries = await page.entries
    return entries.slice(position - start)
  }

  /** Resolves to the head once the log has more than `position` entries; to undefined after `ms`, or when the signal says so. */
  waitBeyond(position: number, ms: number, signal: AbortSignal): Promise<LogHead | undefined> {
    return new Promise((resolve, reject) => {
      const settle: Waiting['settle'] = (head, error) => {
        this.#waiting.delete(waiting)
        clearTimeout(timer)
        signal.removeEventListener('abort', stop)
        if (error === undefined) resolve(head)
        else reject(error)
      }
      const stop = (): void => settle(undefined)
      const waiting: Waiting = { position, settle }
      const timer = setTimeout(stop, ms)
      this.#waiting.add(waiting)
      signal.addEventListener('abort', stop)
      if (signal.aborted) stop()
      else this.#poll()
    })
  }

  async #readPage(start: number, to: number): Promise<readonly StreamEntry[]> {
    try {
      const entries = (await this.#options.readRange(start, to)).map(readEntry)
      // Gapless or not at all: what is missing here would never be told.
      if (entries.length !== to - start || entries.some((entry, at) => entry.position !== start + at))
        throw new Error(`the log has ${entries.length} entries between ${start} and ${to}`)
      return entries
    } catch (error) {
      this.#pages.delete(start)
      throw error
    }
  }

  #keep(start: number, page: Page): void {
    // The oldest page goes first, and one that is read again is young again.
    this.#pages.delete(start)
    this.#pages.set(start, page)
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= pagesKept) break
      this.#pages.delete(oldest)
    }
  }

  #poll(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      if (this.#waiting.size > 0 && !this.#isAsking) void this.#ask()
    }, this.#options.pollMs).unref()
  }

  async #ask(): Promise<void> {
    this.#isAsking = true
    try {
      const head = await this.#options.readHead()
      for (const { position, settle } of this.#waiting) if (head.size > position) settle(head)
    } catch (error) {
      for (const { settle } of this.#waiting) settle(undefined, error)
    } finally {
      this.#isAsking = false
      if (this.#waiting.size > 0) this.#poll()
    }
  }
}

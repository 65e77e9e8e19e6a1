// One reader who follows the log, line by line (NDJSON). Each line says behind which position it stands: all that lies between that and
// its own was looked at and is not wanted. So a reader that holds `after` of each line against `position` of the one before knows
// that nothing was left out; and one that comes back gives the cursor of its last line.
//
// When nothing is wanted for a while a line says so, with the position that has been reached: silence is told from a broken line.

import { setTimeout } from 'node:timers/promises'
import { toOcsf } from '#core/audit/catalogue/ocsf.ts'
import { plainJson } from '#core/json/plain-json.ts'
import { type EntryView, type StreamEntry, viewEntry } from './entry.ts'
import type { Wanted } from './filter.ts'
import type { LogPages } from './log-pages.ts'

/** A line with an entry. */
export interface EntryLine extends EntryView {
  /** Position of the line before. */
  readonly after: number
  /** With it the reader comes back. */
  readonly cursor: string
}

export interface FollowDeps {
  readonly pages: Pick<LogPages, 'head' | 'read' | 'waitBeyond'>
  readonly nowMs: () => number
  /** position: of the last line. shard: of the log. */
  readonly writeCursor: (shard: string, position: number) => string
}

export interface FollowOptions {
  /** The last position that the reader has; -1: none. */
  readonly after: number
  /** uuid of the log that it is of. */
  readonly shard: string
  readonly wanted: Wanted
  /** Whether it goes on when the end of the log is reached. */
  readonly follow: boolean
  readonly leaf: boolean
  /** Each entry as an event of schema.ocsf.io, under `ocsf`. */
  readonly ocsf?: boolean
  readonly heartbeatMs: number
  /** Aborted when it has to end. */
  readonly signal: AbortSignal
  /** Resolves when there is room for more. */
  readonly write: (text: string) => Promise<void>
  /** Hears what was written: up to which position, and how many entries so far. */
  readonly told?: (position: number, entries: number) => void
}

const longestRestMs = 100

/** Why it ended: the end of the log is reached, it was stopped, or it is another log now. */
export type Followed = 'end' | 'stopped' | 'restored'

/** Rejects when the log cannot be read. */
export async function followLog(deps: FollowDeps, options: FollowOptions): Promise<Followed> {
  const { pages } = deps
  const { signal, heartbeatMs } = options
  const reader = new Reader(deps, options)
  let head = await pages.head()
  let quietSince = deps.nowMs()
  while (!signal.aborted) {
    // Positions of another log mean nothing here. The reader has to learn what became of it.
    if (head.shard !== options.shard) return 'restored'
    while (reader.position + 1 < head.size && !signal.aborted) {
      const begunMs = deps.nowMs()
      const lines = reader.take(await pages.read(reader.position + 1, head.size))
      if (lines !== '') {
        await reader.say(lines)
        quietSince = deps.nowMs()
        continue
      }
      if (deps.nowMs() - quietSince >= heartbeatMs) {
        await reader.say(reader.heartbeat(head.size))
        quietSince = deps.nowMs()
      }
      await rest(deps.nowMs() - begunMs, signal)
    }
    if (!options.follow) {
      await reader.say(reader.heartbeat(head.size))
      return 'end'
    }
    const quietMs = deps.nowMs() - quietSince
    const grown = await pages.waitBeyond(reader.position + 1, Math.max(heartbeatMs - quietMs, 0), signal)
    if (grown === undefined && !signal.aborted) {
      // Read for this line: it vouches for the moment at which it is sent.
      head = await pages.head()
      await reader.say(reader.heartbeat(head.size))
      quietSince = deps.nowMs()
    } else head = grown ?? head
  }
  return 'stopped'
}

/** Where nothing fits no reader's own pace holds the reading back: so it rests as long as it worked, and others get the other half. */
async function rest(workedMs: number, signal: AbortSignal): Promise<void> {
  await setTimeout(Math.min(workedMs, longestRestMs), undefined, { signal }).catch(() => {})
}

class Reader {
  readonly #deps: FollowDeps
  readonly #options: FollowOptions
  /** Everything up to it was looked at. */
  position: number
  /** Of the last line. */
  #told: number
  #entries = 0

  constructor(deps: FollowDeps, options: FollowOptions) {
    this.#deps = deps
    this.#options = options
    this.position = options.after
    this.#told = options.after
  }

  /** Lines for those of the entries that are wanted. */
  take(entries: readonly StreamEntry[]): string {
    let lines = ''
    for (const entry of entries) {
      this.position = entry.position
      if (!this.#options.wanted(entry)) continue
      const { position } = entry
      lines += this.#line(this.#options.ocsf ? { position, ocsf: toOcsf(entry.stored) } : viewEntry(entry, this.#options))
      this.#entries += 1
    }
    return lines
  }

  heartbeat(size: number): string {
    return this.#line({ heartbeat: new Date(this.#deps.nowMs()).toISOString(), position: this.position, size })
  }

  async say(lines: string): Promise<void> {
    const [position, entries] = [this.#told, this.#entries]
    await this.#options.write(lines)
    this.#options.told?.(position, entries)
  }

  #line<Members extends { readonly position: number }>(members: Members): string {
    const { position, ...rest } = members
    const after = this.#told
    this.#told = position
    const cursor = this.#deps.writeCursor(this.#options.shard, position)
    return `${plainJson({ position, after, cursor, ...rest })}\n`
  }
}

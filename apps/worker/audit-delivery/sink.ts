// Writes the log of the whole deployment to the operator's own system, in order, each entry at least once. One worker writes; another one
// takes over when it is silent. What was written counts as taken a while later, if the connection has held until then: what a collector
// had not read when it went is written again, and an entry that comes twice has the same `event` and `position`.

import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { toOcsf } from '#core/audit/catalogue/ocsf.ts'
import { type StreamEntry, viewEntry } from '#core/audit/stream/entry.ts'
import { createFilter } from '#core/audit/stream/filter.ts'
import type { LogPages } from '#core/audit/stream/log-pages.ts'
import { formatSyslog, frameSyslog } from '#core/audit/stream/syslog.ts'
import { holdSink, noteSink, releaseSink } from '#db/audit-stream/sinks.ts'
import type { Database } from '#db/connect.ts'
import type { SinkSettings } from './sink-settings.ts'
import { connectSyslog, SinkError, type SyslogConnection } from './syslog-connection.ts'

export interface SinkDeps {
  readonly database: Pick<Database, 'sql'>
  readonly pages: LogPages
  readonly logger: Logger
  readonly settings: SinkSettings
  /** How long a connection must have held since something was written. */
  readonly settleMs?: number
  /** How long is waited after the first failure; it doubles up to a minute. */
  readonly retryMs?: number
}

const leaseSeconds = 15
const waitMs = 1_000
const longestRetryMs = 60_000

export interface Sink {
  /** Resolves when what is under way has ended. */
  close(): Promise<void>
}

/** Writes until it is closed; what fails is tried again, later and later. */
export function startSink(deps: SinkDeps): Sink {
  const closing = new AbortController()
  const running = keepWriting(deps, closing.signal)
  return {
    async close() {
      closing.abort()
      await running
    },
  }
}

async function keepWriting(deps: SinkDeps, signal: AbortSignal): Promise<void> {
  const { settings, database, logger, retryMs = 1_000 } = deps
  const hold = { name: settings.name, lease: randomUUID() }
  let failures = 0
  while (!signal.aborted) {
    const turn: Turn = { hold, position: undefined, connection: undefined, written: [] }
    try {
      await writeWhileHeld(deps, turn, signal, () => {
        failures = 0
      })
      await pause(waitMs, signal)
    } catch (error) {
      failures += 1
      const failure = error instanceof SinkError ? error.message : 'log_unreadable'
      const facts = { sink: settings.name, failure, failures, ...(failure === 'log_unreadable' && { err: error }) }
      logger.error(facts, 'the log cannot be written to the SIEM; it is tried again, from where it had come to')
      if (turn.position !== undefined) await noteSink(database.sql, hold, settled(turn), failure).catch(() => {})
      await pause(Math.min(retryMs * 2 ** (failures - 1), longestRetryMs), signal)
    } finally {
      turn.connection?.end()
    }
  }
  await releaseSink(database.sql, hold).catch(() => {})
}

interface Turn {
  readonly hold: { readonly name: string; readonly lease: string }
  /** The next entry that has to be given; undefined: it is not ours. */
  position: number | undefined
  connection: SyslogConnection | undefined
  /** What was written and is not settled yet: up to which position, and when. */
  written: { readonly position: number; readonly atMs: number }[]
}

/** Returns when another worker has the sink, or it is closed. Rejects with what failed. */
async function writeWhileHeld(deps: SinkDeps, turn: Turn, signal: AbortSignal, healed: () => void): Promise<void> {
  const { database, pages, settings, settleMs = 2_000 } = deps
  const wanted = createFilter(null, { types: settings.types })
  let next: number | undefined
  while (!signal.aborted) {
    const head = await pages.head()
    const held = await holdSink(database.sql, turn.hold, leaseSeconds, settings.from === 'now' ? head.size : 0)
    if (held === undefined) return
    turn.position ??= held
    next ??= held
    turn.connection ??= await connectSyslog(settings)
    const until = performance.now() + (leaseSeconds * 1_000) / 3
    while (next < head.size && performance.now() < until && !signal.aborted) {
      const entries = await pages.read(next, head.size)
      const text = entries
        .filter(wanted)
        .map(entry => lineOf(entry, settings))
        .join('')
      if (text !== '') await turn.connection.write(text)
      next = entries.at(-1)!.position + 1
      turn.written.push({ position: next, atMs: performance.now() })
    }
    if (turn.connection.failure !== undefined) throw new SinkError(turn.connection.failure)
    const before = turn.position
    settle(turn, settleMs)
    if (turn.position > before) {
      if (!(await noteSink(database.sql, turn.hold, turn.position, null))) return
      healed()
    }
    if (next >= head.size) await pages.waitBeyond(next, turn.written.length > 0 ? settleMs / 2 : waitMs, signal)
  }
}

/** What was written so long ago on a connection that still holds. */
function settle(turn: Turn, settleMs: number): void {
  const ripe = turn.written.filter(({ atMs }) => performance.now() - atMs >= settleMs)
  turn.written = turn.written.slice(ripe.length)
  turn.position = ripe.at(-1)?.position ?? turn.position
}

const settled = ({ position }: Turn): number => position ?? 0

function lineOf(entry: StreamEntry, { format, framing, hostname }: SinkSettings): string {
  const message = format === 'ocsf' ? toOcsf(entry.stored) : viewEntry(entry)
  return frameSyslog(formatSyslog(entry.shown, message, { hostname }), framing)
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
}

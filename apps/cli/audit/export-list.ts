// Plain lists, for spreadsheets and SIEMs: what the log says, without proofs.

import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import type { Context } from '../command.ts'
import { resolvePath } from '../config/connection.ts'
import { fetchSealed } from './export-begin.ts'
import { type LogSource, stretchPositions } from './log-source.ts'
import { ProgressBar } from './progress-bar.ts'

export type ListFormat = 'ndjson' | 'csv' | 'ocsf'

export interface List {
  readonly format: ListFormat
  /** `ten_…`, for who belongs to none. */
  readonly tenant: string | undefined
}

/** Writes to a file, or to stdout for `-`. Returns how many entries. */
export async function exportList(context: Context, source: LogSource, list: List, to: string): Promise<number> {
  if (to === '-') return writeList(context, source, list, async text => context.io.out(text))
  const path = resolvePath(context.io, to)
  const file = createWriteStream(`${path}.new`, { mode: 0o600, flush: true })
  const failed = once(file, 'error').then(([error]) => Promise.reject(error))
  const write = async (text: string): Promise<void> => {
    if (!file.write(text)) await Promise.race([once(file, 'drain'), failed])
  }
  const lines = await Promise.race([writeList(context, source, list, write), failed])
  await Promise.race([new Promise<void>(resolve => file.end(resolve)), failed])
  await rename(`${path}.new`, path)
  return lines
}

type Write = (text: string) => Promise<void>

/** Up to the newest checkpoint, so that two lists of one day end alike. */
async function writeList({ io }: Context, source: LogSource, { format, tenant }: List, write: Write): Promise<number> {
  const { checkpoint } = await fetchSealed(source, [])
  const { size } = checkpoint
  const bar = new ProgressBar(io, 'Exporting', size)
  let lines = 0
  try {
    for (let from = 0; from < size; from += stretchPositions) {
      const to = Math.min(from + stretchPositions, size)
      const text = await source.entries({ from, to, size, tenant, format })
      // Only the first stretch keeps its head.
      const shown = format === 'csv' && from > 0 ? text.slice(text.indexOf('\r\n') + 2) : text
      await write(shown)
      lines += shown.split('\n').length - 1
      bar.at(to)
      io.signal.throwIfAborted()
    }
  } finally {
    bar.end()
  }
  return format === 'csv' ? Math.max(0, lines - 1) : lines
}

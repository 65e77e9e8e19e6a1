// A tenant's export: its own entries, each with its proof against one checkpoint. It goes on where it stopped, against that checkpoint.

import { exportFiles } from '#core/audit/export/manifest.ts'
import { CliError } from '../cli-error.ts'
import type { Context } from '../command.ts'
import { believe, fetchIssuers, fetchSealed, finish, type Sealed } from './export-begin.ts'
import type { ExportPlace } from './export-place.ts'
import type { Exported } from './export-whole.ts'
import { type LogSource, stretchPositions } from './log-source.ts'
import { ProgressBar } from './progress-bar.ts'

export interface Own {
  /** `ten_…` */
  readonly tenant: string
  /** Verifier keys that the caller named. */
  readonly trusted: readonly string[]
  /** First position. */
  readonly from: number
}

export async function exportOwn(context: Context, source: LogSource, place: ExportPlace, own: Own): Promise<Exported> {
  const { tenant, from } = own
  const sealed = await resume(source, place, own)
  const { origin, size } = sealed.checkpoint
  const begun = place.state()
  const start = begun?.next ?? from
  place.cutLines(begun?.bytes ?? 0)
  place.write(exportFiles.checkpoint, sealed.note)
  place.keepState({ origin, tenant, size, next: start, bytes: begun?.bytes ?? 0 })
  const bar = new ProgressBar(context.io, 'Exporting', size, start)
  try {
    for (let at = start; at < size; ) {
      const to = Math.min(at + stretchPositions, size)
      const bytes = place.appendLines(await source.entries({ from: at, to, size, tenant }))
      place.keepState({ origin, tenant, size, next: to, bytes })
      bar.at(to)
      context.io.signal.throwIfAborted()
      at = to
    }
  } finally {
    bar.end()
  }
  const made_at = new Date(context.io.nowMs()).toISOString()
  const issuers = await fetchIssuers(context)
  finish(place, sealed, issuers, { origin, shard: sealed.keys.shard, size, tenant, ...(from > 0 && { from }), made_at })
  return { size, fetched: Math.max(0, size - start), missing: 0 }
}

/** Proofs lead up to one checkpoint, so a begun export keeps the one that it began with. */
async function resume(source: LogSource, place: ExportPlace, { tenant, trusted }: Own): Promise<Sealed> {
  const state = place.state()
  if (!state) return fetchSealed(source, trusted)
  if (place.has(exportFiles.manifest))
    throw new CliError({
      what: 'This folder holds a finished export.',
      why: 'The proofs in it lead up to its own checkpoint.',
      next: 'Name another folder.',
    })
  const keys = await source.keys()
  const note = place.read(exportFiles.checkpoint)?.toString('utf8') ?? ''
  if (state.tenant !== tenant || state.origin !== keys.origin)
    throw new CliError({
      what: 'This folder holds an export of another log.',
      why: `It is of ${state.tenant ?? state.origin}.`,
      next: 'Name another folder.',
    })
  return { note, keys, checkpoint: believe(note, keys, trusted) }
}

// How every export begins and ends: a checkpoint that is believed before anything else is fetched, and a manifest when all is there.

import { type ExportKeys, exportFiles, exportFormat, type Manifest } from '#core/audit/export/manifest.ts'
import { type Checkpoint, parseCheckpoint } from '#core/tlog/checkpoint.ts'
import { followHandovers } from '#core/tlog/handover.ts'
import { openNote, parseVerifierKey, type VerifierKey } from '#core/tlog/note.ts'
import { TlogError } from '#core/tlog/tlog-error.ts'
import { CliError } from '../cli-error.ts'
import type { Context } from '../command.ts'
import { fetchIssuerKeys } from '../explain/issuer-keys.ts'
import type { ExportPlace } from './export-place.ts'
import type { LogKeys, LogSource } from './log-source.ts'

export interface Sealed {
  readonly note: string
  readonly checkpoint: Checkpoint
  readonly keys: LogKeys
}

/** Throws a CliError for a checkpoint that the log's key did not sign. */
export async function fetchSealed(source: LogSource, trusted: readonly string[]): Promise<Sealed> {
  const keys = await source.keys()
  const note = await source.checkpoint(keys.shard)
  return { note, keys, checkpoint: believe(note, keys, trusted) }
}

/** trusted: verifier keys that the caller named; none: those that the broker names. */
export function believe(note: string, keys: LogKeys, trusted: readonly string[]): Checkpoint {
  try {
    const { text } = openNote(note, trustedKeys(keys, trusted))
    const checkpoint = parseCheckpoint(text)
    if (checkpoint.origin !== keys.origin) throw new TlogError(`It is of ${checkpoint.origin}, not of ${keys.origin}`)
    return checkpoint
  } catch (error) {
    if (!(error instanceof TlogError)) throw error
    throw new CliError({
      what: 'The checkpoint of the log cannot be believed.',
      why: `${error.message}.`,
      next: 'Do not export from this broker before its operator has explained that.',
    })
  }
}

/** What the caller trusts, and what that handed the log over to. Throws TlogError. */
function trustedKeys({ log, keys = [] }: LogKeys, trusted: readonly string[]): VerifierKey[] {
  if (trusted.length === 0) return log.map(parseVerifierKey)
  return followHandovers(
    trusted.map(parseVerifierKey),
    keys.flatMap(({ handover }) => handover ?? []),
  )
}

/** The published keys of every tenant's issuer that the caller sees; what cannot be had is left out, and said. */
export async function fetchIssuers({ broker, connection, print, io }: Context): Promise<ExportKeys['issuers']> {
  const { caPem } = connection()
  const tenants = await broker().everything('audit export', '/v1/tenants')
  const found: [string, { readonly keys: readonly Readonly<Record<string, unknown>>[] }][] = []
  for (const { issuer } of tenants) {
    if (typeof issuer !== 'string') continue
    try {
      const { keys } = await fetchIssuerKeys({ issuer, because: 'your tenant', ...(caPem !== undefined && { caPem }) }, io.signal)
      found.push([issuer, { keys: keys as readonly Readonly<Record<string, unknown>>[] }])
    } catch {
      io.signal.throwIfAborted()
      print.note(`The keys of ${issuer} cannot be had: signatures of its tokens cannot be verified with this export.`)
    }
  }
  return Object.fromEntries(found)
}

/** Keys, checkpoint and, last, the manifest: with it the export is one. */
export function finish(
  place: ExportPlace,
  { note, keys: { log, witnesses, keys, earlier } }: Sealed,
  issuers: ExportKeys['issuers'],
  manifest: Omit<Manifest, 'format'>,
): void {
  place.write(exportFiles.keys, `${JSON.stringify({ log, keys, witnesses, earlier, issuers }, null, 2)}\n`)
  place.write(exportFiles.checkpoint, note)
  place.write(exportFiles.manifest, `${JSON.stringify({ format: exportFormat, ...manifest }, null, 2)}\n`)
}

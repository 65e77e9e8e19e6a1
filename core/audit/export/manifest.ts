// What lies in an export beside the log itself: what it is, and the keys that it is verified with.

import { isJsonObject } from '#core/json/is-json-object.ts'
import { parseVerifierKey, type VerifierKey } from '#core/tlog/note.ts'

export const exportFormat = 'mayfly-audit-export/1'

/** Names of files in an export; tiles lie under `tile/` as c2sp.org/tlog-tiles names them. */
export const exportFiles = {
  manifest: 'manifest.json',
  checkpoint: 'checkpoint',
  keys: 'keys.json',
  /** One line for each entry that has a body: `{"position":…,"body":"…"}`. */
  bodies: 'bodies.ndjson',
  /** In a tenant's export, in place of bundles: `{"position":…,"leaf":"…","body":"…","proof":["…"]}`. */
  entries: 'entries.ndjson',
  olderCheckpoints: 'older-checkpoints',
} as const

export interface Manifest {
  readonly format: typeof exportFormat
  /** Whose log: `<host>/log/<shard>`. */
  readonly origin: string
  readonly shard: string
  /** Entries of the log at its checkpoint. */
  readonly size: number
  /** `tnt_…`; left out: the whole log. */
  readonly tenant?: string
  /** First position of a tenant's export; left out: 0. */
  readonly from?: number
  /** RFC 3339 */
  readonly made_at: string
}

export interface ExportKeys {
  readonly log: readonly string[]
  readonly witnesses: readonly string[]
  /** Signed notes by which keys of the log named the next one. */
  readonly handovers: readonly string[]
  /** JWK sets by issuer, for the signatures of tokens. */
  readonly issuers: Readonly<Record<string, { readonly keys: readonly Readonly<Record<string, unknown>>[] }>>
}

/** An export cannot be read as one; the message is for people. */
export class ExportError extends Error {
  override readonly name = 'ExportError'
}

/** Throws ExportError. */
export function parseManifest(text: string): Manifest {
  const value = parseObject(text, exportFiles.manifest)
  const { format, origin, shard, size, tenant, from, made_at } = value
  if (format !== exportFormat) throw new ExportError(`${exportFiles.manifest} is not of the format ${exportFormat}`)
  const isFit =
    [origin, shard, made_at].every(member => typeof member === 'string') &&
    isCount(size) &&
    (tenant === undefined || typeof tenant === 'string') &&
    (from === undefined || isCount(from))
  if (!isFit) throw new ExportError(`${exportFiles.manifest} lacks a member, or has one of the wrong kind`)
  return value as unknown as Manifest
}

/** Throws ExportError. */
export function parseKeys(text: string): ExportKeys {
  const value = parseObject(text, exportFiles.keys)
  const { log, witnesses = [], issuers = {}, keys = [] } = value
  const isList = (list: unknown): list is string[] => Array.isArray(list) && list.every(each => typeof each === 'string')
  const areSets = isJsonObject(issuers) && Object.values(issuers).every(set => isJsonObject(set) && Array.isArray(set['keys']))
  if (!isList(log) || !isList(witnesses) || !areSets || !Array.isArray(keys))
    throw new ExportError(`${exportFiles.keys} lacks a member, or has one of the wrong kind`)
  const handovers = keys.map(key => (isJsonObject(key) ? key['handover'] : undefined)).filter(note => typeof note === 'string')
  return { log, witnesses, handovers, issuers: issuers as ExportKeys['issuers'] }
}

/** Throws ExportError. */
export function readVerifierKeys(texts: readonly string[]): VerifierKey[] {
  try {
    return texts.map(parseVerifierKey)
  } catch (cause) {
    throw new ExportError(`A key cannot be read: ${(cause as Error).message}`, { cause })
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

function parseObject(text: string, name: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (isJsonObject(value)) return value
  } catch {}
  throw new ExportError(`${name} is no JSON object`)
}

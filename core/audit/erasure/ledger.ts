// The ledger of erasures, outside the database and its backups. After a restore it says whom to forget again.
//
// One file an erasure, numbered from 1, each naming the SHA-256 of the one before: a file that is missing or changed is noticed. It holds
// random ids, and what the subject is called only sealed under the key that the erasure destroyed: a ledger alone tells nobody anything;
// beside a backup that brings the key back it says what to look for.

import { createHash } from 'node:crypto'
import { BrokerError } from '#core/errors/broker-error.ts'
import { isJsonObject } from '#core/json/is-json-object.ts'

const format = 'mayfly-erasure/1'

export interface LedgerEntry {
  /** uuids throughout. */
  readonly id: string
  readonly tenantId: string | null
  readonly keyIds: readonly string[]
  readonly personIds: readonly string[]
  /** As in the erasure's row; null: it had no key. */
  readonly sealed: string | null
  readonly sealedUnder: string | null
  readonly askedAtMs: number
}

/** A folder or an object store. */
export interface LedgerStore {
  /** Undefined when there is nothing under that path. */
  read(path: string): Promise<Buffer | undefined>
  /** Durably; false: something is there, and stays. */
  create(path: string, bytes: Uint8Array): Promise<boolean>
}

const pathOf = (number: number): string => `erasures/${String(number).padStart(8, '0')}.json`
const digestOf = (bytes: Uint8Array | undefined): string | null =>
  bytes === undefined ? null : createHash('sha256').update(bytes).digest('base64url')

/** All entries in their order, and the bytes of the last. Throws BrokerError `internal` for a ledger in which something was changed. */
export async function readLedger(
  store: LedgerStore,
): Promise<{ readonly entries: LedgerEntry[]; readonly last: Buffer | undefined }> {
  const entries: LedgerEntry[] = []
  let last: Buffer | undefined
  for (;;) {
    const bytes = await store.read(pathOf(entries.length + 1))
    if (bytes === undefined) return { entries, last }
    entries.push(parse(bytes, digestOf(last), pathOf(entries.length + 1)))
    last = bytes
  }
}

/** Adds those that are not there yet; returns the ids of all that now are. Of two that add at once the later begins anew behind the other. */
export async function addToLedger(store: LedgerStore, wanted: readonly LedgerEntry[]): Promise<string[]> {
  const { entries, last } = await readLedger(store)
  const known = new Set(entries.map(({ id }) => id))
  let [number, before] = [entries.length, last]
  for (const entry of wanted) {
    if (known.has(entry.id)) continue
    const bytes = Buffer.from(`${JSON.stringify({ format, previous: digestOf(before), ...entry })}\n`)
    if (!(await store.create(pathOf(number + 1), bytes))) return addToLedger(store, wanted)
    number++
    before = bytes
    known.add(entry.id)
  }
  return wanted.map(({ id }) => id)
}

function parse(bytes: Buffer, previous: string | null, path: string): LedgerEntry {
  const broken = (why: string) =>
    new BrokerError('internal', {
      hint: `The erasure ledger is not as it was written: ${path} ${why}. Find the original; nobody is forgotten by guessing.`,
    })
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw broken('is no JSON')
  }
  if (!isJsonObject(value) || value['format'] !== format) throw broken(`is not of the format ${format}`)
  if (value['previous'] !== previous) throw broken('does not follow the one before it')
  const { format: _, previous: __, ...entry } = value
  return entry as unknown as LedgerEntry
}

// The ledger of erasures, outside the database and its backups. After a restore it says whom to forget again.
//
// One file an erasure, numbered from 1, each naming the SHA-256 of the one before: a file that is missing or changed is noticed. How many
// there are, and the hash of the last, stands in a file beside them and in one that the process keeps elsewhere (the folder of the log's
// last checkpoint): so a ledger whose last files are gone is noticed too. It holds
// random ids, and what the subject is called only sealed under the key that the erasure destroyed: a ledger alone tells nobody anything;
// beside a backup that brings the key back it says what to look for.

import { createHash } from 'node:crypto'
import { BrokerError } from '#core/errors/broker-error.ts'
import { isJsonObject } from '#core/json/is-json-object.ts'

const format = 'mayfly-erasure/1'
const headFormat = 'mayfly-erasures/1'

export interface LedgerEntry {
  /** uuids throughout. */
  readonly id: string
  readonly tenantId: string | null
  readonly keyIds: readonly string[]
  readonly personIds: readonly string[]
  /** As in the erasure's row; null: it had no key. */
  readonly sealed: string | null
  readonly sealedUnder: string | null
  /** Of the tenant's key for the ledger (`ledger-key.ts`); left out: it is sealed under a subject's key. */
  readonly sealedStep?: number | null
  readonly askedAtMs: number
}

/** A folder or an object store. */
export interface LedgerStore {
  /** Undefined when there is nothing under that path. */
  read(path: string): Promise<Buffer | undefined>
  /** Durably; false: something is there, and stays. */
  create(path: string, bytes: Uint8Array): Promise<boolean>
  /** Durably; what was there goes. */
  write(path: string, bytes: Uint8Array): Promise<void>
}

/** Where else it is kept how long the ledger is. */
export type HeadStore = Pick<LedgerStore, 'read' | 'write'>

interface Head {
  readonly count: number
  /** Of the last file. */
  readonly digest: string
}

const headPath = 'erasures/head.json'
const pathOf = (number: number): string => `erasures/${String(number).padStart(8, '0')}.json`
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64url')

interface Ledger {
  readonly entries: LedgerEntry[]
  /** Of each file. */
  readonly digests: string[]
  /** The shortest that any place knows of; undefined: a place knows of none. */
  readonly known: number | undefined
}

/** All entries in their order. Throws BrokerError `internal` for a ledger in which something was changed, or that was longer once. */
export async function readLedger(store: LedgerStore, elsewhere?: HeadStore): Promise<Ledger> {
  // First, since others may add meanwhile.
  const heads = await Promise.all([store, ...(elsewhere ? [elsewhere] : [])].map(readHead))
  const entries: LedgerEntry[] = []
  const digests: string[] = []
  for (;;) {
    const path = pathOf(entries.length + 1)
    const bytes = await store.read(path)
    if (bytes === undefined) break
    entries.push(parse(bytes, digests.at(-1) ?? null, path))
    digests.push(digestOf(bytes))
  }
  for (const head of heads) if (head) checkHead(head, digests)
  return { entries, digests, known: heads.includes(undefined) ? undefined : Math.min(...heads.map(head => head!.count)) }
}

/** Adds those that are not there yet; returns the ids of all that now are. Of two that add at once the later begins anew behind the other. */
export async function addToLedger(store: LedgerStore, wanted: readonly LedgerEntry[], elsewhere?: HeadStore): Promise<string[]> {
  const { entries, digests, known } = await readLedger(store, elsewhere)
  const there = new Set(entries.map(({ id }) => id))
  for (const entry of wanted) {
    if (there.has(entry.id)) continue
    const previous = digests.at(-1) ?? null
    const bytes = Buffer.from(`${JSON.stringify({ format, previous, ...entry })}\n`)
    if (!(await store.create(pathOf(digests.length + 1), bytes))) return addToLedger(store, wanted, elsewhere)
    digests.push(digestOf(bytes))
    there.add(entry.id)
  }
  if (known !== digests.length) await writeHeads([store, ...(elsewhere ? [elsewhere] : [])], digests)
  return wanted.map(({ id }) => id)
}

async function writeHeads(stores: readonly HeadStore[], digests: readonly string[]): Promise<void> {
  const digest = digests.at(-1)
  if (digest === undefined) return
  const bytes = Buffer.from(`${JSON.stringify({ format: headFormat, count: digests.length, digest })}\n`)
  for (const store of stores) await store.write(headPath, bytes)
}

async function readHead(store: HeadStore): Promise<Head | undefined> {
  const bytes = await store.read(headPath)
  if (bytes === undefined) return undefined
  const { format: its, count, digest } = parseJson(bytes, headPath)
  if (its !== headFormat || !Number.isSafeInteger(count) || typeof digest !== 'string')
    throw broken(headPath, `is not of the format ${headFormat}`)
  return { count: count as number, digest }
}

function checkHead({ count, digest }: Head, digests: readonly string[]): void {
  if (count > digests.length)
    throw broken(pathOf(digests.length + 1), `is gone: the ledger had ${count} entries, ${count - digests.length} more than now`)
  if (digests[count - 1] !== digest) throw broken(pathOf(count), 'is not the one that was written')
}

function parseJson(bytes: Buffer, path: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    if (isJsonObject(value)) return value
  } catch {}
  throw broken(path, 'is no JSON')
}

const broken = (path: string, why: string): BrokerError =>
  new BrokerError('internal', {
    hint: `The erasure ledger is not as it was written: ${path} ${why}. Find the original; nobody is forgotten by guessing.`,
  })

function parse(bytes: Buffer, previous: string | null, path: string): LedgerEntry {
  const { format: its, previous: before, ...entry } = parseJson(bytes, path)
  if (its !== format) throw broken(path, `is not of the format ${format}`)
  if (before !== previous) throw broken(path, 'does not follow the one before it')
  return entry as unknown as LedgerEntry
}

// Finding the place where sealing goes on. The last checkpoint is kept in three places; the newest counts, and the others must be
// beginnings of it. Its tree comes out of the tiles; where those are lost, out of the database, and has to have the root that was signed.

import type { Sql } from 'postgres'
import { type Checkpoint, checkpointPath, originOf } from '#core/tlog/checkpoint.ts'
import { emptyRoot, Frontier, leafHash } from '#core/tlog/hash.ts'
import type { NoteSigner } from '#core/tlog/note.ts'
import { rootAt } from '#core/tlog/proof.ts'
import { createTileReader } from '#core/tlog/read-tiles.ts'
import { tileWidth } from '#core/tlog/tile-path.ts'
import { type SealStore, storeUnder } from '#core/tlog/tile-store.ts'
import { ChangedEntryError, TlogError } from '#core/tlog/tlog-error.ts'
import { TreeWriter } from '#core/tlog/tree-writer.ts'
import { findLastNote, readLeaves } from '#db/log/seal.ts'
import { type LastCheckpoint, openCheckpoint, openLastCheckpoint } from './last-checkpoint.ts'
import { SealFault } from './seal-fault.ts'

export interface LogDeps {
  readonly sql: Sql
  /** Of all shards. */
  readonly tiles: SealStore
  readonly stateDir: string
  readonly host: string
  /** Of its keys, the newest first. */
  readonly signers: (origin: string) => readonly NoteSigner[]
}

/** One shard of the log, ready to be sealed further. */
export interface OpenLog {
  readonly shard: string
  readonly origin: string
  readonly signers: readonly NoteSigner[]
  readonly store: SealStore
  readonly outside: LastCheckpoint
  /** May be ahead of what is signed. */
  readonly tree: TreeWriter
  /** What was signed last; undefined: nothing yet. */
  signed: Checkpoint | undefined
}

/** Entries that are read at once. */
const entriesAtOnce = 4_096

/** headSize: how many entries the database has. Throws SealFault when they do not go on from what was signed. */
export async function openLog(deps: LogDeps, shard: string, headSize: number): Promise<OpenLog> {
  const store = storeUnder(deps.tiles, shard)
  const outside = openLastCheckpoint(deps.stateDir, shard)
  const notes = await Promise.all([
    outside.read(),
    store.read(checkpointPath).then(bytes => bytes?.toString()),
    findLastNote(deps.sql, shard),
  ])
  const origin = findOrigin(notes, shard) ?? originOf(deps.host, shard)
  const signers = deps.signers(origin)
  const known = notes.flatMap((note, at) => (note === undefined ? [] : [readNote(note, origin, signers, places[at]!)]))
  const signed = known.toSorted((a, b) => b.size - a.size)[0]
  if (signed && signed.size > headSize)
    throw new SealFault(
      'short',
      `${signed.size} entries are sealed, the database has ${headSize}. Was an older copy of it restored? See docs/how-to/restore.md.`,
    )
  const tree = signed ? await openTree(deps.sql, store, signed) : TreeWriter.empty()
  for (const older of known) await checkBeginning(older, signed!, store)
  return { shard, origin, signers, store, outside, tree, signed }
}

/**
 * The name under which the log was sealed before. A log keeps its name as long as it goes on, also when the broker is found under another
 * one by now: a new name would be a new log to everybody who follows this one.
 */
function findOrigin(notes: readonly (string | undefined)[], shard: string): string | undefined {
  const origins = notes.map(note => note?.slice(0, note.indexOf('\n')))
  return origins.find(origin => origin?.endsWith(`/log/${shard}`))
}

const inDatabase = 'the database'
const places = ['the file outside', 'the tile store', inDatabase]

function readNote(note: string, origin: string, signers: readonly NoteSigner[], place: string): Checkpoint {
  try {
    return openCheckpoint(note, origin, signers)
  } catch (error) {
    if (!(error instanceof TlogError)) throw error
    const advice =
      place === inDatabase
        ? ' Where it is false, the log’s owner takes it back: log.disown_checkpoint, docs/how-to/restore.md.'
        : ''
    throw new SealFault('key', `The last checkpoint in ${place} is not one of this log and this key: ${error.message}.${advice}`)
  }
}

async function openTree(sql: Sql, store: SealStore, signed: Checkpoint): Promise<TreeWriter> {
  const tail = signed.size % tileWidth
  try {
    const tree = await TreeWriter.load(signed.size, store, await readLeaves(sql, signed.size - tail, tail))
    if (tree.root().equals(signed.root)) return tree
  } catch (error) {
    if (error instanceof ChangedEntryError) throw new SealFault('edited', error.message)
    if (!(error instanceof TlogError)) throw error
  }
  return rebuildTree(sql, store, signed)
}

/**
 * Writes the tiles anew; the same entries make the same tiles. The entries are read twice: no tile is written before all of them were found
 * to be the ones that were sealed, and none of entries that changed since. An edited database leaves nothing in the store.
 */
async function rebuildTree(sql: Sql, store: SealStore, signed: Checkpoint): Promise<TreeWriter> {
  const roots = await rootsOf(sql, signed.size)
  const forked = `The first ${signed.size} entries of the database are not the ones that were sealed.`
  if (!(roots.at(-1) ?? emptyRoot).equals(signed.root)) throw new SealFault('forked', forked)
  const tree = TreeWriter.empty()
  let batch = 0
  await appendEntries(sql, tree, signed.size, async () => {
    if (!tree.root().equals(roots[batch++]!)) throw new SealFault('forked', forked)
    await tree.write(store)
  })
  return tree
}

/** The root behind each batch of the first `size` entries. */
async function rootsOf(sql: Sql, size: number): Promise<Buffer[]> {
  const roots: Buffer[] = []
  const frontier = new Frontier()
  while (frontier.size < size) {
    for (const leaf of await readBatch(sql, frontier.size, size)) frontier.append(leafHash(leaf))
    roots.push(frontier.root())
  }
  return roots
}

/** Brings the tree to `size` entries; `between` runs after each batch. Throws SealFault when some are missing. */
export async function appendEntries(sql: Sql, tree: TreeWriter, size: number, between?: () => Promise<void>): Promise<void> {
  while (tree.size < size) {
    for (const leaf of await readBatch(sql, tree.size, size)) tree.append(leaf)
    await between?.()
  }
}

/** Entries from one on, as many as are read at once. Throws SealFault when some are missing before `size`. */
async function readBatch(sql: Sql, from: number, size: number): Promise<Buffer[]> {
  const count = Math.min(entriesAtOnce, size - from)
  const leaves = await readLeaves(sql, from, count)
  if (leaves.length !== count) throw new SealFault('gap', `Entries are missing among the ${count} from ${from} on.`)
  return leaves
}

async function checkBeginning(older: Checkpoint, signed: Checkpoint, store: SealStore): Promise<void> {
  if (older.size === 0) return
  const root =
    older.size === signed.size
      ? signed.root
      : await rootAt(
          older.size,
          createTileReader(signed.size, path => store.read(path)),
        )
  if (!root.equals(older.root))
    throw new SealFault(
      'forked',
      `Two histories were signed: the tree of ${older.size} entries is not the beginning of that of ${signed.size}.`,
    )
}

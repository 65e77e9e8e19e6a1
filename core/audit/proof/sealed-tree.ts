// The log as far as it is sealed: a checkpoint and the tiles under it. Whatever is answered from here is proven before it is answered,
// against that checkpoint, so tiles that were changed give no proof instead of a wrong one; and entries come from the sealed bundles,
// so a row that was edited in the database since is shown as it was.

import { type Checkpoint, checkpointPath, parseCheckpoint } from '#core/tlog/checkpoint.ts'
import { decodeBundle } from '#core/tlog/entry-bundle.ts'
import { emptyRoot, leafHash } from '#core/tlog/hash.ts'
import { parseNote } from '#core/tlog/note.ts'
import { consistencyProof, inclusionProof, rootAt, verifyConsistency, verifyInclusion } from '#core/tlog/proof.ts'
import { createTileReader, type ReadTile, tileWidthAt } from '#core/tlog/read-tiles.ts'
import { tilePath, tileWidth } from '#core/tlog/tile-path.ts'
import { TlogError } from '#core/tlog/tlog-error.ts'
import type { TlogProof } from '#core/tlog/tlog-proof.ts'

export interface SealedTree {
  /** The signed note, with what witnesses had added when it was written. */
  readonly note: string
  readonly checkpoint: Checkpoint
  readonly readTile: ReadTile
}

export interface EntryProof {
  /** The exact bytes that were hashed. */
  readonly entry: Buffer
  /** Their leaf hash. */
  readonly leaf: Buffer
  readonly proof: TlogProof
}

export interface ConsistencyProof {
  readonly from: number
  readonly to: number
  readonly fromRoot: Buffer
  readonly toRoot: Buffer
  readonly path: readonly Buffer[]
}

/** The tree of the newest checkpoint in a shard's store; undefined where nothing was sealed yet. Throws TlogError for one that is none. */
export async function findSealedTree(readTile: ReadTile): Promise<SealedTree | undefined> {
  const note = (await readTile(checkpointPath))?.toString('utf8')
  return note === undefined ? undefined : { note, checkpoint: parseCheckpoint(parseNote(note).text), readTile }
}

/** Proof that an entry is in the tree. Throws RangeError for one that is not, TlogError where the tiles are not those of the tree. */
export async function proveEntry({ note, checkpoint: { size, root }, readTile }: SealedTree, index: number): Promise<EntryProof> {
  const path = await inclusionProof(index, size, createTileReader(size, readTile))
  const entry = await readEntry(size, index, readTile)
  const leaf = leafHash(entry)
  if (!verifyInclusion({ index, size, leaf, path, root }))
    throw new TlogError(`The tiles of the log do not lead from its entry ${index} to the checkpoint at ${size}`)
  return { entry, leaf, proof: { index, path, checkpoint: note, extra: entry } }
}

/** Proof that the tree of `to` entries begins with that of `from`. Throws RangeError unless 0 ≤ from ≤ to ≤ size, and TlogError. */
export async function proveConsistency(tree: SealedTree, from: number, to: number): Promise<ConsistencyProof> {
  const { size, root } = tree.checkpoint
  if (to > size) throw new RangeError(`The log is sealed up to ${size}`)
  const readHash = createTileReader(size, tree.readTile)
  const rootOf = async (at: number): Promise<Buffer> => (at === 0 ? emptyRoot : at === size ? root : await rootAt(at, readHash))
  const path = await consistencyProof(from, to, readHash)
  const [fromRoot, toRoot] = [await rootOf(from), await rootOf(to)]
  // Up to the signed root, so that nobody has to believe the tiles.
  const onwards =
    to === size ||
    verifyConsistency({ from: to, to: size, fromRoot: toRoot, toRoot: root, path: await consistencyProof(to, size, readHash) })
  if (!onwards || !verifyConsistency({ from, to, fromRoot, toRoot, path }))
    throw new TlogError(`The tiles of the log do not lead from ${from} to ${to} and to the checkpoint at ${size}`)
  return { from, to, fromRoot, toRoot, path }
}

async function readEntry(size: number, index: number, readTile: ReadTile): Promise<Buffer> {
  const bundle = Math.floor(index / tileWidth)
  const width = tileWidthAt(size, 0, bundle)
  const path = tilePath('entries', bundle, width)
  const bytes = (await readTile(path)) ?? (width < tileWidth ? await readTile(tilePath('entries', bundle)) : undefined)
  const entry = bytes && decodeBundle(bytes)[index % tileWidth]
  if (!entry) throw new TlogError(`The log has no bundle ${path} with the entry ${index}`)
  return entry
}

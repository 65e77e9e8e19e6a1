// A log's tree while it grows: entries go in, tiles come out. Full tiles are written once; of those at the right edge a partial one is
// written for each size that gets signed, and dropped when its tile is full (c2sp.org/tlog-tiles § Partial Tiles).

import { encodeBundle } from './entry-bundle.ts'
import { Frontier, hashBytes, leafHash } from './hash.ts'
import { createTileReader, readTileAt, tileWidthAt } from './read-tiles.ts'
import { tileHeight, tilePath, tileWidth } from './tile-path.ts'
import type { SealStore, TileStore } from './tile-store.ts'
import { ChangedEntryError, TlogError } from './tlog-error.ts'

interface Draft {
  readonly path: string
  readonly bytes: Buffer
}

const atOnce = 8

export class TreeWriter {
  readonly #frontier: Frontier
  /** Of each level of tiles, the hashes of the one at the right edge; none when that is empty. */
  readonly #edges: Buffer[][]
  readonly #entries: Buffer[]
  #full: Draft[] = []
  /** Paths of partial tiles that were written, by the path of the full one. */
  readonly #partials = new Map<string, Set<string>>()
  #dropped: string[] = []
  #lastLeaf: Buffer | undefined

  private constructor(frontier: Frontier, edges: Buffer[][], entries: Buffer[], lastLeaf?: Buffer) {
    this.#lastLeaf = lastLeaf
    this.#frontier = frontier
    this.#edges = edges
    this.#entries = entries
  }

  static empty(): TreeWriter {
    return new TreeWriter(new Frontier(), [], [])
  }

  /**
   * The tree of `size` entries out of its tiles. tail: the entries of its last bundle, none when that is full. Throws TlogError when
   * tiles are missing or cut, ChangedEntryError when the tail is not what they say.
   */
  static async load(size: number, store: TileStore, tail: readonly Buffer[]): Promise<TreeWriter> {
    const edges: Buffer[][] = []
    for (let level = 0; size >= tileWidth ** level; level++) {
      const nodes = Math.floor(size / tileWidth ** level)
      const width = tileWidthAt(size, level, Math.floor(nodes / tileWidth))
      const tile =
        width === 0 ? Buffer.alloc(0) : await readTileAt(size, level, Math.floor(nodes / tileWidth), path => store.read(path))
      edges.push(Array.from({ length: width }, (_, at) => tile.subarray(at * hashBytes, (at + 1) * hashBytes)))
    }
    const leaves = edges[0] ?? []
    if (tail.length !== leaves.length) throw new TlogError(`The last tile has ${leaves.length} entries, not ${tail.length}`)
    const changed = tail.findIndex((entry, at) => !leafHash(entry).equals(leaves[at]!))
    if (changed >= 0) throw new ChangedEntryError(size - tail.length + changed)
    const nodes = edges.toReversed().flatMap(edge => completeNodes(edge))
    const last = leaves.at(-1) ?? (size > 0 ? await createTileReader(size, path => store.read(path))(0, size - 1) : undefined)
    return new TreeWriter(new Frontier(size, nodes), edges, [...tail], last)
  }

  get size(): number {
    return this.#frontier.size
  }

  root(): Buffer {
    return this.#frontier.root()
  }

  /** Hash of the last entry; undefined: there is none. */
  get lastLeaf(): Buffer | undefined {
    return this.#lastLeaf
  }

  append(entry: Buffer): void {
    const leaf = leafHash(entry)
    const made: Buffer[] = []
    this.#frontier.append(leaf, made)
    this.#lastLeaf = leaf
    this.#entries.push(entry)
    this.#push(0, leaf, made)
  }

  /** made: the nodes of the tree that the last leaf completed, among them the root of each tile that it fills. */
  #push(level: number, hash: Buffer, made: readonly Buffer[]): void {
    const edge = this.#edges[level] ?? []
    this.#edges[level] = edge
    edge.push(hash)
    if (edge.length < tileWidth) return
    const index = this.size / tileWidth ** (level + 1) - 1
    this.#finish(tilePath(level, index), Buffer.concat(edge))
    if (level === 0) {
      this.#finish(tilePath('entries', index), encodeBundle(this.#entries))
      this.#entries.length = 0
    }
    edge.length = 0
    this.#push(level + 1, made[tileHeight * (level + 1) - 1]!, made)
  }

  #finish(path: string, bytes: Buffer): void {
    this.#full.push({ path, bytes })
    const partials = this.#partials.get(path)
    if (!partials) return
    this.#dropped.push(...partials)
    this.#partials.delete(path)
  }

  /** Writes whatever a tree of this size needs; what a rejected call has written is written again by the next one. */
  async write(store: TileStore): Promise<void> {
    const drafts = [...this.#full, ...this.#edgeDrafts()]
    for (let at = 0; at < drafts.length; at += atOnce)
      await Promise.all(drafts.slice(at, at + atOnce).map(({ path, bytes }) => store.write(path, bytes)))
    this.#full = []
  }

  #edgeDrafts(): Draft[] {
    const drafts: Draft[] = []
    const add = (level: number | 'entries', index: number, width: number, bytes: Buffer): void => {
      const path = tilePath(level, index, width)
      const full = tilePath(level, index)
      const written = this.#partials.get(full) ?? new Set()
      this.#partials.set(full, written.add(path))
      drafts.push({ path, bytes })
    }
    for (const [level, edge] of this.#edges.entries())
      if (edge.length > 0) add(level, Math.floor(this.size / tileWidth ** (level + 1)), edge.length, Buffer.concat(edge))
    if (this.#entries.length > 0)
      add('entries', Math.floor(this.size / tileWidth), this.#entries.length, encodeBundle(this.#entries))
    return drafts
  }

  /** Removes partial tiles whose full ones are written. */
  async dropPartials(store: SealStore): Promise<void> {
    const dropped = this.#dropped
    this.#dropped = []
    for (let at = 0; at < dropped.length; at += atOnce)
      await Promise.all(dropped.slice(at, at + atOnce).map(path => store.remove(path)))
  }
}

/** Roots of the complete subtrees that the hashes of an unfinished tile make up, largest first. */
function completeNodes(edge: readonly Buffer[]): readonly Buffer[] {
  const frontier = new Frontier()
  for (const node of edge) frontier.append(node)
  return frontier.edge
}

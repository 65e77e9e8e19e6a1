// Nodes of a log out of its tiles. A tile is read once for each reader, so a proof costs a tile a level at most.

import { hashBytes, nodeHash } from './hash.ts'
import type { ReadHash } from './proof.ts'
import { tileHeight, tilePath, tileWidth } from './tile-path.ts'
import { TlogError } from './tlog-error.ts'

/** The bytes under a tile's path, as `TileStore.read` of one shard gives them. */
export type ReadTile = (path: string) => Promise<Buffer | undefined>

/** Hashes (or entries) of a tile in a tree of `size` leaves: 256 when full, 0 when there is none. */
export function tileWidthAt(size: number, level: number, index: number): number {
  const nodes = Math.floor(size / tileWidth ** level)
  return Math.max(0, Math.min(tileWidth, nodes - index * tileWidth))
}

/**
 * Reads a tile of a tree of `size` leaves; of a full one only as much as that tree has of it. A log may drop partial tiles once
 * they are full. Throws TlogError when it is neither there nor of the right length.
 */
export async function readTileAt(size: number, level: number, index: number, readTile: ReadTile): Promise<Buffer> {
  const width = tileWidthAt(size, level, index)
  const path = tilePath(level, index, width)
  const bytes = (await readTile(path)) ?? (width < tileWidth ? await readTile(tilePath(level, index)) : undefined)
  if (!bytes) throw new TlogError(`The log has no tile ${path}`)
  if (bytes.length !== width * hashBytes && bytes.length !== tileWidth * hashBytes)
    throw new TlogError(`The tile ${path} has ${bytes.length} bytes`)
  return bytes.subarray(0, width * hashBytes)
}

/** Complete nodes of a tree of `size` leaves. The tiles are believed: who does not trust the store checks the root that comes of them. */
export function createTileReader(size: number, readTile: ReadTile): ReadHash {
  const tiles = new Map<string, Promise<Buffer>>()
  const readOnce = (level: number, index: number): Promise<Buffer> => {
    const key = `${level}/${index}`
    const known = tiles.get(key)
    if (known) return known
    const tile = readTileAt(size, level, index, readTile)
    tiles.set(key, tile)
    return tile
  }
  return async (level, index) => {
    const tileLevel = Math.floor(level / tileHeight)
    const span = 2 ** (level % tileHeight)
    const first = index * span
    const tile = await readOnce(tileLevel, Math.floor(first / tileWidth))
    return nodeOf(tile, first % tileWidth, span)
  }
}

/** The node over `span` (a power of two) hashes of a tile. Throws TlogError when the tile does not hold them all. */
function nodeOf(tile: Buffer, first: number, span: number): Buffer {
  if ((first + span) * hashBytes > tile.length) throw new TlogError('The tree is too short for that node')
  if (span === 1) return tile.subarray(first * hashBytes, (first + 1) * hashBytes)
  return nodeHash(nodeOf(tile, first, span / 2), nodeOf(tile, first + span / 2, span / 2))
}

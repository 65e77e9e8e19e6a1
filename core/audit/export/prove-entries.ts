// Proofs of many entries at once: neighbours share most of the nodes on their way up, so each node is made once.

import { inclusionProof, type ReadHash } from '#core/tlog/proof.ts'
import { createTileReader, type ReadTile } from '#core/tlog/read-tiles.ts'

/** Gives an entry's siblings up to the root of the tree of `size` entries, base64. */
export type ProveEntry = (position: number) => Promise<string[]>

/** The tiles are believed: whoever gets the proof verifies it. Throws TlogError where they are not those of such a tree. */
export function createEntryProver(size: number, readTile: ReadTile): ProveEntry {
  const readNode = createTileReader(size, readTile)
  const known = new Map<string, Buffer | Promise<Buffer>>()
  const readHash: ReadHash = (level, index) => {
    const name = `${level}/${index}`
    const node = known.get(name) ?? readNode(level, index)
    known.set(name, node)
    return node
  }
  return async position => (await inclusionProof(position, size, readHash)).map(hash => hash.toString('base64'))
}

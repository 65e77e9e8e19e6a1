// A sealed entry that is changed in the database changes no tile, so nobody who seals would notice. Therefore each round also holds one
// of the old bundles against the tile that was made of it, and goes through the whole log in time.

import type { Sql } from 'postgres'
import { leafHash } from '#core/tlog/hash.ts'
import { readTileAt } from '#core/tlog/read-tiles.ts'
import { tileWidth } from '#core/tlog/tile-path.ts'
import { readLeaves } from '#db/log/seal.ts'
import type { OpenLog } from './open-log.ts'
import { SealFault } from './seal-fault.ts'

export class LookBack {
  #next = 0
  #shard = ''

  /** Holds the next full tile against the database. Throws SealFault naming the entry; the same tile is looked at again then. */
  async step(sql: Sql, log: OpenLog): Promise<void> {
    if (this.#shard !== log.shard) this.#next = 0
    this.#shard = log.shard
    const size = log.signed?.size ?? 0
    const tiles = Math.floor(size / tileWidth)
    if (tiles === 0) return
    const index = this.#next % tiles
    const tile = await readTileAt(size, 0, index, path => log.store.read(path))
    const leaves = await readLeaves(sql, index * tileWidth, tileWidth)
    const hashes = Buffer.concat(leaves.map(leafHash))
    if (!hashes.equals(tile)) {
      const changed = leaves.findIndex((_, at) => hashes.compare(tile, at * 32, at * 32 + 32, at * 32, at * 32 + 32) !== 0)
      const position = index * tileWidth + (changed < 0 ? leaves.length : changed)
      throw new SealFault('edited', `Entry ${position} is not the one that was sealed.`)
    }
    this.#next = index + 1
  }
}

// What this broker can read of the sealed log: the tiles that the worker's sealer writes, in the folder or store that both are told of.
// Tiles never change, so some of them are kept in memory; the newest checkpoint is looked for each time.

import { LRUCache } from 'lru-cache'
import { findSealedTree, type SealedTree } from '#core/audit/proof/sealed-tree.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { checkpointPath } from '#core/tlog/checkpoint.ts'
import type { TileStore } from '#core/tlog/tile-store.ts'
import { TlogError } from '#core/tlog/tlog-error.ts'
import { findSealedShard, type SealedShard } from '#db/log/sealed-shard.ts'
import type { Executor } from '#db/unscoped-db.ts'

const cacheBytes = 16 * 1024 * 1024
/** How long it is believed which log is sealed, in milliseconds: it changes when a backup was restored. */
const shardForMs = 1_000

export class SealedLogs {
  readonly #store: Pick<TileStore, 'read'> | undefined
  readonly #db: Executor
  readonly #tiles = new LRUCache<string, Buffer>({ maxSize: cacheBytes, sizeCalculation: bytes => bytes.length + 200 })
  #shard: { readonly found: Promise<SealedShard | undefined>; readonly untilMs: number } | undefined

  /** store: undefined where this broker was not told of one. */
  constructor(store: Pick<TileStore, 'read'> | undefined, db: Executor) {
    this.#store = store
    this.#db = db
  }

  /** The log that is sealed now. Throws BrokerError `log_not_sealed`. */
  async shard(): Promise<SealedShard> {
    const nowMs = performance.now()
    if (!this.#shard || this.#shard.untilMs < nowMs) {
      const found = findSealedShard(this.#db)
      this.#shard = { found, untilMs: nowMs + shardForMs }
      found.catch(() => {
        this.#shard = undefined
      })
    }
    const shard = await this.#shard.found
    if (!shard) throw new BrokerError('log_not_sealed', { hint: 'No sealer was set up yet.', retryAfterSeconds: 5 })
    return shard
  }

  /** The bytes under a path of a shard. Throws BrokerError `log_not_sealed` where this broker has no store. */
  async read(shard: string, path: string): Promise<Buffer | undefined> {
    const store = this.#store
    if (!store)
      throw new BrokerError('log_not_sealed', { hint: 'This broker was not told where the tiles are: MAYFLY_LOG_TILES.' })
    const name = `${shard}/${path}`
    const known = this.#tiles.get(name)
    if (known) return known
    const bytes = await store.read(name)
    if (bytes && path !== checkpointPath) this.#tiles.set(name, bytes)
    return bytes
  }

  /** The newest sealed tree. Throws BrokerError `log_not_sealed`. */
  async tree(): Promise<SealedTree> {
    const { shard } = await this.shard()
    const tree = await readOrRefuse(findSealedTree(path => this.read(shard, path)))
    if (!tree) throw new BrokerError('log_not_sealed', { hint: 'Nothing was sealed yet.', retryAfterSeconds: 1 })
    return tree
  }
}

/** Throws BrokerError `log_inconsistent` for what is no log: nothing is proven by it. */
export async function readOrRefuse<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof TlogError) throw new BrokerError('log_inconsistent', { detail: error.message, cause: error })
    throw error
  }
}

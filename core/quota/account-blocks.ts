// Blocks of what single accounts may ever use. There may be many, so those not used for long are given back and forgotten.

import { LRUCache } from 'lru-cache'
import { Block, type Leaser, type QuotaKey } from './block.ts'

const maxBlocks = 20_000

/**
 * Whoever opens an account holds so many units from the start and writes no row for them: opening costs no round trip more.
 * Whoever leases first, the opener or another process, counts them as used.
 */
export const openingUnits = (limit: number): number => Math.min(limit, 16)

export class AccountBlocks {
  readonly #lease: Leaser
  readonly #blocks: LRUCache<string, Block>
  readonly #givingBack = new Set<Promise<unknown>>()

  constructor(lease: Leaser) {
    this.#lease = lease
    this.#blocks = new LRUCache({ max: maxBlocks, dispose: block => this.#giveBack(block) })
  }

  /** opens: the account is being opened by this very request, under an id that nobody knows yet. */
  get(key: QuotaKey, limit: number, opens: boolean): Block {
    const name = `${key.kind} ${key.scope}`
    let block = this.#blocks.get(name)
    if (!block) {
      block = new Block(key, limit, this.#lease, { held: opens ? openingUnits(limit) : 0, opening: openingUnits })
      this.#blocks.set(name, block)
    }
    return block
  }

  async close(): Promise<void> {
    this.#blocks.clear()
    await Promise.allSettled(this.#givingBack)
  }

  #giveBack(block: Block): void {
    const givenBack = block.empty()
    if (givenBack === 0) return
    const { key, limit } = block
    const giving = this.#lease({ ...key, limit, least: 0, wanted: 0, givenBack, opening: openingUnits(limit) })
    this.#givingBack.add(giving)
    giving.catch(() => {}).finally(() => this.#givingBack.delete(giving))
  }
}

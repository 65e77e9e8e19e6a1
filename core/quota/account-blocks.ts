// Blocks of what single accounts may ever use. There may be many, so those not used for long are given back and forgotten.

import { LRUCache } from 'lru-cache'
import { Block, type Leaser, type QuotaKey } from './block.ts'

const maxBlocks = 20_000

/**
 * The token that comes with an opening is used without a row for it: opening costs no round trip more. Whoever leases first, the
 * opener or another process, counts it.
 */
const tokenOfOpening = (limit: number): number => Math.min(limit, 1)
const nothing = (): number => 0

export interface Beginning {
  /** The account is being opened by this very request, under an id that nobody knows yet. */
  readonly opens: boolean
  /** It was opened ahead, without a token. */
  readonly ahead: boolean
}

export class AccountBlocks {
  readonly #lease: Leaser
  readonly #blocks: LRUCache<string, Block>
  readonly #givingBack = new Set<Promise<unknown>>()

  constructor(lease: Leaser) {
    this.#lease = lease
    this.#blocks = new LRUCache({ max: maxBlocks, dispose: block => this.#giveBack(block) })
  }

  get(key: QuotaKey, limit: number, { opens, ahead }: Beginning): Block {
    const name = `${key.kind} ${key.scope}`
    let block = this.#blocks.get(name)
    if (!block) {
      const opening = key.kind === 'account_tokens' && !ahead ? tokenOfOpening : nothing
      block = new Block(key, limit, this.#lease, { held: opens ? opening(limit) : 0, opening })
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
    const { key, limit, opening } = block
    const giving = this.#lease({ ...key, limit, least: 0, wanted: 0, givenBack, opening })
    this.#givingBack.add(giving)
    giving.catch(() => {}).finally(() => this.#givingBack.delete(giving))
  }
}

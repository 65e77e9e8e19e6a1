import { BrokerError } from '#core/errors/broker-error.ts'
import { BatchLoader } from '#core/memory/batch-loader.ts'
import { GenerationCache } from '#core/memory/generation-cache.ts'
import type { AccountName, LineageNow } from '#db/accounts/read-lineages.ts'
import type { Lineage } from './lineage.ts'

/** Lineages by account, read in batches. They never change, so one that was read is kept; whether the ancestors live is not. */
export class Lineages {
  readonly #known: GenerationCache<string, Lineage>
  readonly #loader: BatchLoader<string, LineageNow>

  /** read: `readLineagesNow` bound to a connection. */
  constructor(read: (names: readonly AccountName[]) => Promise<readonly LineageNow[]>, maxRemembered = 20_000) {
    this.#known = new GenerationCache(maxRemembered)
    this.#loader = new BatchLoader(async names => {
      const pairs = names.map(name => name.split(' ') as [string, string])
      try {
        const found = await read(pairs.map(([tenantId, accountId]) => ({ tenantId, accountId })))
        const byId = new Map(found.map(now => [now.lineage.accountId, now]))
        return new Map(names.flatMap((name, i) => (byId.has(pairs[i]![1]) ? [[name, byId.get(pairs[i]![1])!] as const] : [])))
      } catch (cause) {
        throw new BrokerError('log_unavailable', { cause, retryAfterSeconds: 1 })
      }
    })
  }

  /** Of a child that is remembered: no round trip. */
  recall(accountId: string): Lineage | undefined {
    return this.#known.get(accountId)
  }

  remember(lineage: Lineage): void {
    this.#known.set(lineage.accountId, lineage)
  }

  /** As it is now, with whether its ancestors live; undefined: the account is no child of this tenant, or gone. */
  async read(tenantId: string, accountId: string): Promise<LineageNow | undefined> {
    const now = await this.#loader.load(`${tenantId} ${accountId}`)
    if (now) this.remember(now.lineage)
    return now
  }
}

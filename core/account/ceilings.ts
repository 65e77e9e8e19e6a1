import { LRUCache } from 'lru-cache'
import { BrokerError } from '#core/errors/broker-error.ts'
import { BatchLoader } from '#core/memory/batch-loader.ts'
import type { Permission } from '#core/permission/permission.ts'

/** Ceilings by id. They are content-addressed and never change, so one that was read stays good. */
export class Ceilings {
  readonly #known = new LRUCache<string, Permission>({ max: 10_000 })
  readonly #loader: BatchLoader<string, string>

  /** read: the permission's JSON text for each id that exists. */
  constructor(read: (ids: readonly string[]) => Promise<Map<string, string>>) {
    this.#loader = new BatchLoader(ids =>
      read(ids).catch(cause => {
        throw new BrokerError('log_unavailable', { cause, retryAfterSeconds: 1 })
      }),
    )
  }

  async get(id: string): Promise<Permission> {
    const known = this.#known.get(id)
    if (known) return known
    const text = await this.#loader.load(id)
    if (text === undefined) throw new BrokerError('internal', { detail: `ceiling ${id} is missing` })
    // Stored in normal form by us, never by a caller.
    const permission = JSON.parse(text) as Permission
    this.#known.set(id, permission)
    return permission
  }
}

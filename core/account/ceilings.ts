import { LRUCache } from 'lru-cache'
import { BrokerError } from '#core/errors/broker-error.ts'
import { BatchLoader } from '#core/memory/batch-loader.ts'
import type { Permission } from '#core/permission/permission.ts'
import { addressCeiling } from '#core/registry/agents.ts'

/** Stores a permission's canonical JSON, if it is not there yet, and answers its id. hash: SHA-256 of the text. */
export type KeepCeiling = (hash: Buffer, text: string) => Promise<string>

const nowhere: KeepCeiling = () => Promise.reject(new Error('no ceilings are kept here'))

/** Ceilings by id. They are content-addressed and never change, so one that was read stays good. */
export class Ceilings {
  readonly #known = new LRUCache<string, Permission>({ max: 10_000 })
  /** Ids by the hash of the permission. */
  readonly #kept = new LRUCache<string, string>({ max: 10_000 })
  readonly #loader: BatchLoader<string, string>
  readonly #keep: KeepCeiling

  /** read: the permission's JSON text for each id that exists. */
  constructor(read: (ids: readonly string[]) => Promise<Map<string, string>>, keep: KeepCeiling = nowhere) {
    this.#keep = keep
    this.#loader = new BatchLoader(ids =>
      read(ids).catch(cause => {
        throw new BrokerError('log_unavailable', { cause, retryAfterSeconds: 1 })
      }),
    )
  }

  /** The id of a permission in normal form; stored now if it never was. Throws BrokerError `log_unavailable`. */
  async keep(permission: Permission): Promise<string> {
    const { hash, text } = addressCeiling(permission)
    const name = hash.toString('base64')
    const known = this.#kept.get(name)
    if (known !== undefined) return known
    try {
      const id = await this.#keep(hash, text)
      this.#kept.set(name, id)
      return id
    } catch (cause) {
      throw new BrokerError('log_unavailable', { cause, retryAfterSeconds: 1 })
    }
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

import { LRUCache } from 'lru-cache'
import { type CaSigner, openCaKey } from '#core/keys/ca-key.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import { findActiveCaKey } from '#db/enrolment/ca-keys.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'

/**
 * CA keys, opened. Which one signs is read each time; opened keys are kept by their row, whose bytes never mean another key, so
 * that a key-encryption service is asked once.
 */
export class CaSigners {
  readonly #db: UnscopedDb
  readonly #keyEncryption: KeyEncryption
  readonly #opened = new LRUCache<string, CaSigner>({ max: 500 })

  constructor(db: UnscopedDb, keyEncryption: KeyEncryption) {
    this.#db = db
    this.#keyEncryption = keyEncryption
  }

  /** Undefined: the tenant has no CA. Throws as `openCaKey`. */
  async find(tenantId: string): Promise<CaSigner | undefined> {
    const row = await findActiveCaKey(this.#db.forTenant(tenantId), tenantId)
    if (!row) return undefined
    const known = this.#opened.get(row.id)
    if (known) return known
    const signer = await openCaKey(this.#keyEncryption, row)
    this.#opened.set(row.id, signer)
    return signer
  }
}

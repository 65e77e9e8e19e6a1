// What an event says of persons and objects of the outside: where a request came from, who the foreign subject was, what was asked. It can be
// read as long as the subject's key is there, by whoever may read the tenant's log.

import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import { findSubjectKey } from '#db/claim/subject-keys.ts'
import type { Db } from '#db/connect.ts'
import { openSealed } from '../open-sealed.ts'
import { sealedIn } from './show-event.ts'

/** null: it was erased, or cannot be read. */
export type Opened = Readonly<Record<string, unknown>> | null

/** Opens private parts of one tenant's events; looks each key up once. Make one for a page. db: of the tenant. */
export class SealedReader {
  readonly #db: Db
  readonly #encryption: KeyEncryption
  readonly #keys = new Map<string, Promise<Buffer | undefined>>()

  constructor(db: Db, encryption: KeyEncryption) {
    this.#db = db
    this.#encryption = encryption
  }

  /** Undefined: the body has no private part. */
  async open(body: string | null): Promise<Opened | undefined> {
    const sealed = sealedIn(body)
    if (!sealed) return undefined
    const looking = this.#keys.get(sealed.keyId) ?? this.#find(sealed.keyId)
    this.#keys.set(sealed.keyId, looking)
    const key = await looking
    if (!key) return null
    try {
      return openSealed(sealed.text, key)
    } catch {
      // Bytes that are not what was sealed: verification of the log names them; a reader goes on.
      return null
    }
  }

  async #find(keyId: string): Promise<Buffer | undefined> {
    const row = await findSubjectKey(this.#db, keyId)
    if (!row) return undefined
    const owner = { tenantId: row.tenant_id, purpose: 'subject-key', rowId: row.id } as const
    return this.#encryption.open(row.key_sealed, row.kek_id, owner)
  }
}

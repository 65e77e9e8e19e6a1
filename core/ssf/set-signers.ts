import { LRUCache } from 'lru-cache'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import type { Signer } from '#core/keys/signer.ts'
import { openSigningKey, type PublicJwk } from '#core/keys/signing-key.ts'
import type { Db } from '#db/connect.ts'
import { findSetKey } from '#db/ssf/set-key.ts'

const mostKeys = 1_000

/** Signers of tenants' SETs, RS256 as CAEP's interoperability profile asks. Which key signs is asked each time, opening it is not. */
export class SetSigners {
  readonly #keyEncryption: KeyEncryption
  readonly #byKey = new LRUCache<string, Signer>({ max: mostKeys })

  constructor(keyEncryption: KeyEncryption) {
    this.#keyEncryption = keyEncryption
  }

  /** db: of the tenant. Throws BrokerError `internal` when it has no such key, or it does not open. */
  async of(db: Db, tenantId: string): Promise<Signer> {
    const row = await findSetKey(db, tenantId)
    if (!row) throw new BrokerError('internal', { detail: `tenant ${tenantId} has no active RS256 key` })
    const known = this.#byKey.get(row.id)
    if (known) return known
    const stored = { ...row, tenantId, alg: 'RS256', publicJwk: row.publicJwk as PublicJwk } as const
    const signer = await openSigningKey(this.#keyEncryption, stored)
    this.#byKey.set(row.id, signer)
    return signer
  }
}

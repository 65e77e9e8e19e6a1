import { BrokerError } from '#core/errors/broker-error.ts'
import { hashSecret, isSecret, sameHash } from '#core/ids/secret.ts'
import { BatchLoader } from '#core/memory/batch-loader.ts'
import { findReceiversOfSecrets, type ReceiverOfSecret } from '#db/ssf/receivers.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'

/** A receiver that has shown its credential. */
export interface Caller {
  /** uuid */
  readonly id: string
  /** uuid */
  readonly tenantId: string
  readonly audience: string
}

/** Whose credential (`mfe_…`) a caller shows. Looked up by its SHA-256 alone, in batches, however many strangers invent some. */
export class ReceiverAuthenticator {
  readonly #lookUp: BatchLoader<string, ReceiverOfSecret>

  constructor(db: UnscopedDb) {
    this.#lookUp = new BatchLoader(hashes => findReceiversOfSecrets(db, hashes))
  }

  /** tenantId: whose path is called. Throws `not_authenticated`; for a receiver of another tenant as well, which is nobody here. */
  async authenticate(secret: string, tenantId: string): Promise<Caller> {
    const hint = "Send a receiver's credential as Bearer."
    if (!isSecret('receiver', secret)) throw new BrokerError('not_authenticated', { hint, detail: "no receiver's credential" })
    const secretHash = hashSecret(secret)
    const found = await this.#lookUp.load(secretHash.toString('hex'))
    if (!found || !sameHash(found.secretHash, secretHash) || found.tenantId !== tenantId)
      throw new BrokerError('not_authenticated', { hint, detail: "unknown or ended receiver's credential" })
    return { id: found.id, tenantId, audience: found.audience }
  }
}

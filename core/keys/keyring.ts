import type { KeyEncryption } from './key-encryption.ts'
import type { Signer } from './signer.ts'
import { openSigningKey, type SealedSigningKey, type SignInput, signHere } from './signing-key.ts'

/**
 * Signers by the id of their row. A key's bytes never change, so one that was opened is kept across reloads of its tenant:
 * a reload then costs no key-encryption service a call. `forget` drops those that a tenant has no more.
 */
export class Keyring {
  readonly #keyEncryption: KeyEncryption
  readonly #signInput: SignInput
  readonly #byTenant = new Map<string, Map<string, Signer>>()

  /** signInput: where signatures are computed, the calling thread by default. */
  constructor(keyEncryption: KeyEncryption, signInput: SignInput = signHere) {
    this.#keyEncryption = keyEncryption
    this.#signInput = signInput
  }

  /** The signers of a tenant's stored keys, in their order; keys that are not among them are forgotten. Throws as `openSigningKey`. */
  async open(tenantId: string, stored: readonly SealedSigningKey[]): Promise<Signer[]> {
    const known = this.#byTenant.get(tenantId)
    const signers = await Promise.all(
      stored.map(key => known?.get(key.id) ?? openSigningKey(this.#keyEncryption, key, this.#signInput)),
    )
    this.#byTenant.set(tenantId, new Map(stored.map((key, i) => [key.id, signers[i]!])))
    return signers
  }

  forget(tenantId: string): void {
    this.#byTenant.delete(tenantId)
  }
}

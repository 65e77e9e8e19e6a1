import type { KeyEncryption } from './key-encryption.ts'
import { type SignJws, signHere } from './sign-jws.ts'
import type { Signer } from './signer.ts'
import { openSigningKey, type SealedSigningKey } from './signing-key.ts'

/**
 * Signers by the id of their row. A key's bytes never change, so one that was opened is kept across reloads of its tenant:
 * a reload then costs no key-encryption service a call. `forget` drops those that a tenant has no more.
 */
export class Keyring {
  readonly #keyEncryption: KeyEncryption
  readonly #signWith: SignJws
  readonly #byTenant = new Map<string, Map<string, Signer>>()

  /** signWith: where signatures are computed, the calling thread by default. */
  constructor(keyEncryption: KeyEncryption, signWith: SignJws = signHere) {
    this.#keyEncryption = keyEncryption
    this.#signWith = signWith
  }

  /** The signers of a tenant's stored keys, in their order; keys that are not among them are forgotten. Throws as `openSigningKey`. */
  async open(tenantId: string, stored: readonly SealedSigningKey[]): Promise<Signer[]> {
    const known = this.#byTenant.get(tenantId)
    const signers = await Promise.all(
      stored.map(key => known?.get(key.id) ?? openSigningKey(this.#keyEncryption, key, this.#signWith)),
    )
    this.#byTenant.set(tenantId, new Map(stored.map((key, i) => [key.id, signers[i]!])))
    return signers
  }

  forget(tenantId: string): void {
    this.#byTenant.delete(tenantId)
  }
}

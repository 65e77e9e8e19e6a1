import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { type IssuerKey, readIssuerKeys } from '#core/subject/issuer-key.ts'
import { type VerifySignature, verifyHere } from '#core/subject/signature-verifier.ts'

/** The keys that a tenant publishes, ready to verify what it signed itself. Read once, as long as that key set is in use. */
export class PublishedKeys {
  readonly #verify: VerifySignature
  readonly #keys = new WeakMap<TenantSnapshot['jwks'], ReadonlyMap<string, IssuerKey>>()

  /** verify: where signatures are checked, the calling thread by default. */
  constructor(verify: VerifySignature = verifyHere) {
    this.#verify = verify
  }

  /** The key that a header names, if it is of the algorithm that the header says (RFC 8725 § 3.1). */
  find({ jwks }: TenantSnapshot, { kid, alg }: { readonly kid?: string; readonly alg: string }): IssuerKey | undefined {
    const key = kid === undefined ? undefined : this.#keysOf(jwks).get(kid)
    return key?.alg === alg ? key : undefined
  }

  #keysOf(jwks: TenantSnapshot['jwks']): ReadonlyMap<string, IssuerKey> {
    let keys = this.#keys.get(jwks)
    if (!keys) {
      keys = new Map(jwks.keys.flatMap(jwk => readIssuerKeys(jwk, this.#verify).map(key => [String(jwk['kid']), key] as const)))
      this.#keys.set(jwks, keys)
    }
    return keys
  }
}

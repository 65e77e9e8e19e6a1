import { type ParsedJwt, parseCompactJwt } from '#core/jwt/parse-compact.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { type IssuerKey, readIssuerKeys } from '#core/subject/issuer-key.ts'
import { type VerifySignature, verifyHere } from '#core/subject/signature-verifier.ts'

/** `typ` of a task token; ID-JAGs and the like are none. */
const taskTokenTypes = new Set(['at+jwt', 'agent-task+jwt'])

/** Reads task tokens that a tenant's own keys signed. */
export class OwnTokens {
  readonly #verify: VerifySignature
  /** Keys by kid, as long as the key set that they were read from is in use. */
  readonly #keys = new WeakMap<TenantSnapshot['jwks'], ReadonlyMap<string, IssuerKey>>()

  /** verify: where signatures are checked, the calling thread by default. */
  constructor(verify: VerifySignature = verifyHere) {
    this.#verify = verify
  }

  /** The claims, if one of the tenant's published keys signed them; nothing else of them is checked. Never throws. RFC 8725 § 3. */
  async read(snapshot: TenantSnapshot, text: string): Promise<ParsedJwt['payload'] | undefined> {
    const parsed = parseCompactJwt(text)
    if (!parsed.ok) return undefined
    const { header, payload } = parsed.jwt
    const key = header.kid === undefined ? undefined : this.#keysOf(snapshot).get(header.kid)
    if (!key || key.alg !== header.alg || !taskTokenTypes.has(header.typ ?? '')) return undefined
    return key.verify(text).then(
      () => payload,
      () => undefined,
    )
  }

  #keysOf({ jwks }: TenantSnapshot): ReadonlyMap<string, IssuerKey> {
    let keys = this.#keys.get(jwks)
    if (!keys) {
      keys = new Map(jwks.keys.flatMap(jwk => readIssuerKeys(jwk, this.#verify).map(key => [String(jwk['kid']), key] as const)))
      this.#keys.set(jwks, keys)
    }
    return keys
  }
}

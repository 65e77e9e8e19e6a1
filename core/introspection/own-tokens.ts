import { PublishedKeys } from '#core/issuer-token/published-keys.ts'
import { type ParsedJwt, parseCompactJwt } from '#core/jwt/parse-compact.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'

/** `typ` of a task token; ID-JAGs and the like are none. */
export const taskTokenTypes = new Set(['at+jwt', 'agent-task+jwt'])

/** Reads task tokens that a tenant's own keys signed. */
export class OwnTokens {
  /** On the calling thread, where a check cannot fail for any other reason than the token. */
  readonly #keys = new PublishedKeys()

  /** The token, if one of the tenant's published keys signed it; nothing else of it is checked. Never throws. RFC 8725 § 3. */
  async read(
    snapshot: TenantSnapshot,
    text: string,
    types: ReadonlySet<string> = taskTokenTypes,
  ): Promise<ParsedJwt | undefined> {
    const parsed = parseCompactJwt(text)
    if (!parsed.ok) return undefined
    const { jwt } = parsed
    const key = this.#keys.find(snapshot, jwt.header)
    if (!key || !types.has(jwt.header.typ ?? '')) return undefined
    return key.verify(text).then(
      () => jwt,
      () => undefined,
    )
  }
}

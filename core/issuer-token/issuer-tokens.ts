import { BrokerError } from '#core/errors/broker-error.ts'
import { parseCompactJwt } from '#core/jwt/parse-compact.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { readRevocable } from '#core/revocation/revocable.ts'
import type { VerifySignature } from '#core/subject/signature-verifier.ts'
import { refuse, type SubjectRefusal } from '#core/subject/subject.ts'
import { leewaySeconds } from '#core/time/leeway-seconds.ts'
import type { RevocableToken } from '#db/revocation/find-revoked.ts'
import { type AccountToken, type DelegationToken, readIssuerToken } from './issuer-token.ts'
import { PublishedKeys } from './published-keys.ts'

export type IssuerTokenResult =
  | { readonly ok: true; readonly token: AccountToken | DelegationToken; readonly revocable: RevocableToken }
  | SubjectRefusal

const refused = (reason: string, fault: string): SubjectRefusal => refuse(reason, `The token is not good here: ${fault}.`)

/** Verifies tokens that a tenant's issuer made for itself, by its own published keys. */
export class IssuerTokens {
  readonly #keys: PublishedKeys

  /** verify: where signatures are checked, the calling thread by default. */
  constructor(verify?: VerifySignature) {
    this.#keys = new PublishedKeys(verify)
  }

  /**
   * Signature, kind, issuer, audience and time; whether the account lives, whether the token was revoked and who presents it is
   * not looked at here.
   * nowMs: the database's clock. Throws BrokerError where the check itself failed: then the token is not to blame. RFC 9068 § 4, RFC 8725.
   */
  async verify(snapshot: TenantSnapshot, text: string, nowMs: number): Promise<IssuerTokenResult> {
    const parsed = parseCompactJwt(text)
    if (!parsed.ok) return refused('malformed_jwt', parsed.reason)
    const { header, payload } = parsed.jwt
    const key = this.#keys.find(snapshot, header)
    if (!key) return refused('unknown_key', 'it was not signed by this issuer')
    try {
      await key.verify(text)
    } catch (error) {
      if (error instanceof BrokerError) throw error
      return refused('bad_signature', 'its signature does not verify')
    }
    const token = readIssuerToken(header.typ, payload, snapshot.tenant.issuer)
    const revocable = readRevocable(parsed.jwt)
    if (!token || !revocable) return refused('not_for_issuer', 'it was not issued for this issuer itself')
    const nowSeconds = nowMs / 1000
    const { iat } = payload
    if (!(nowSeconds < token.expiresSeconds)) return refused('expired', 'it has expired')
    if (!(typeof iat === 'number' && iat <= nowSeconds + leewaySeconds))
      return refused('from_the_future', 'it is of a later time')
    return { ok: true, token, revocable }
  }
}

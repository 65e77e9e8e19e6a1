// The keys of OpenID issuers. Fetched from where the registration says (or where the issuer's own discovery says), never
// from where a token says. Cached; an unknown `kid` may ask again, but only after a cool-down, so that tokens with invented
// kids cause no traffic.

import { BrokerError } from '#core/errors/broker-error.ts'
import { FetchedDocuments } from '#core/memory/fetched-documents.ts'
import type { OpenIdTrustSource } from '#core/registry/trust-source.ts'
import { type IssuerKey, readIssuerKeys } from './issuer-key.ts'
import { type VerifySignature, verifyHere } from './signature-verifier.ts'

/** Whose keys: as much of a trust source as is needed to find them. Those through whom people sign in have it too. */
export type KeySource = Pick<OpenIdTrustSource, 'id' | 'issuer' | 'jwksUri' | 'caPem'>

/** Fetches a JWK Set for a trust source: https, no redirects, bounded. The app provides it, since core knows no HTTP. */
export type FetchJwks = (source: KeySource) => Promise<unknown>

const maxKeys = 64

export class JwksStore {
  readonly #fetch: FetchJwks
  readonly #verify: VerifySignature
  readonly #documents = new FetchedDocuments<Map<string, IssuerKey[]>>()

  /** verify: where signatures are checked, the calling thread by default. */
  constructor(fetch: FetchJwks, verify: VerifySignature = verifyHere) {
    this.#fetch = fetch
    this.#verify = verify
  }

  /**
   * The issuer's key for this kid and algorithm, or undefined when it publishes none. nowMs: monotonic enough, milliseconds.
   * Throws BrokerError `trust_source_unavailable` when no keys could be had at all.
   */
  find(source: KeySource, kid: string | undefined, alg: string, nowMs: number): Promise<IssuerKey | undefined> {
    const query = {
      name: JSON.stringify([source.id, source.issuer, source.jwksUri ?? null, source.caPem ?? null]),
      fetch: async () => readJwks(await this.#fetch(source), this.#verify),
      pick: (keys: Map<string, IssuerKey[]>) => pick(keys, kid, alg),
      unavailable: (cause: unknown, retryAfterSeconds: number) =>
        new BrokerError('trust_source_unavailable', { detail: `no keys of ${source.issuer}`, cause, retryAfterSeconds }),
    }
    return this.#documents.find(query, nowMs)
  }
}

const noKid = ''

function pick(keys: Map<string, IssuerKey[]>, kid: string | undefined, alg: string): IssuerKey | undefined {
  if (kid !== undefined) return keys.get(kid)?.find(key => key.alg === alg)
  const all = [...keys.values()].flat().filter(key => key.alg === alg)
  return all.length === 1 ? all[0] : undefined
}

/** Keys by kid. Entries that are no public signature key are passed over (RFC 7517 § 5). */
function readJwks(document: unknown, verify: VerifySignature): Map<string, IssuerKey[]> {
  const list = (document as { keys?: unknown } | null)?.keys
  if (!Array.isArray(list)) throw new Error('not a JWK Set')
  const keys = new Map<string, IssuerKey[]>()
  for (const jwk of list.slice(0, maxKeys) as (Record<string, unknown> | null)[]) {
    if (jwk?.['use'] !== undefined && jwk['use'] !== 'sig') continue
    const kid = typeof jwk?.['kid'] === 'string' ? jwk['kid'] : noKid
    keys.set(kid, [...(keys.get(kid) ?? []), ...readIssuerKeys(jwk, verify)])
  }
  return keys
}

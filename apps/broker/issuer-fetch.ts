// Fetching what trust sources publish: keys, bundles, revocation lists. Where to is decided by the registration alone. https
// only, no redirects, a bounded answer in bounded time; names that resolve to this machine or to private ranges are refused
// unless the operator allows it.

import { createHttpsClient } from '#apps/outbound/https.ts'
import { createOutbound, type OwnStore } from '#apps/outbound/outbound.ts'
import { parseStrictJson } from '#core/json/parse-strict.ts'
import { everythingInside } from '#core/outbound/address-rules.ts'
import type { FetchJwks, KeySource } from '#core/subject/jwks-store.ts'
import type { FetchDocument } from '#core/trust-material/trust-material.ts'

const maxJsonBytes = 256 * 1024
const timeoutMs = 3_000

export interface IssuerFetchOptions {
  /** Whether issuers inside this machine or network may be asked: in development, and for issuers inside one's own cluster. */
  readonly allowPrivateAddresses: boolean
  /** PostgreSQL and Redis of Mayfly itself, which are never asked. */
  readonly ownStores?: readonly OwnStore[]
}

export interface IssuerFetch extends FetchJwks {
  /** Any document, as it came. */
  readonly document: FetchDocument
  close(): Promise<void>
}

export function createIssuerFetch(options: IssuerFetchOptions): IssuerFetch {
  const allowed = options.allowPrivateAddresses ? everythingInside : []
  const https = createHttpsClient(createOutbound({ allowed, ownStores: options.ownStores ?? [] }), { timeoutMs, connections: 2 })
  const document: FetchDocument = async ({ url, caPem }, maxBytes) => {
    const { status, body } = await https.call({ url, caPem, maxBytes })
    if (status === 200) return body
    const { origin, pathname } = new URL(url)
    throw new Error(`${origin}${pathname} answered ${status}`)
  }
  const fetchJson = async (url: string, { caPem }: KeySource): Promise<unknown> => {
    const bytes = await document({ url, caPem }, maxJsonBytes)
    return parseStrictJson(new TextDecoder().decode(bytes), { numbers: 'any', maxBytes: maxJsonBytes })
  }
  const fetchJwks: FetchJwks = async source => fetchJson(source.jwksUri ?? (await discover(source, fetchJson)), source)
  return Object.assign(fetchJwks, {
    document,
    close: () => https.close(),
  })
}

/** OpenID Connect Discovery 1.0 § 4: the document must name the very issuer that it was asked of. */
async function discover(source: KeySource, fetchJson: (url: string, source: KeySource) => Promise<unknown>): Promise<string> {
  const base = source.issuer.endsWith('/') ? source.issuer.slice(0, -1) : source.issuer
  const document = (await fetchJson(`${base}/.well-known/openid-configuration`, source)) as Record<string, unknown>
  if (document['issuer'] !== source.issuer || typeof document['jwks_uri'] !== 'string')
    throw new Error(`the discovery document of ${source.issuer} names another issuer or no keys`)
  return document['jwks_uri']
}

// What trust sources vouch with and change while we run: bundles of SPIFFE trust domains and revocation lists.
//
// One store of bundles serves both kinds of SVID: chains of X.509-SVIDs end in `bundleOf(…).authorities` (keys with
// `use: x509-svid`), JWT-SVIDs are verified with `findJwtSvidKey` (keys with `use: jwt-svid`). The foreign issuer of both is
// `spiffe://<trust domain>`, their subject the whole SPIFFE ID: a workload is one, whichever SVID it shows.
//
// `follow` is called with each new snapshot of a tenant and waits a moment for what was not there yet; `refreshDue` is called by
// a timer. In between everything is looked up and nothing is fetched.

import { hash } from 'node:crypto'
import { BrokerError } from '#core/errors/broker-error.ts'
import { parseStrictJson } from '#core/json/parse-strict.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { SpiffeTrustSource } from '#core/registry/trust-source-kinds/spiffe.ts'
import type { X509TrustSource } from '#core/registry/trust-source-kinds/x509-ca.ts'
import type { IssuerKey } from '#core/subject/issuer-key.ts'
import { type VerifySignature, verifyHere } from '#core/subject/signature-verifier.ts'
import { type Fetched, FollowedDocuments, type Location, type Unusable } from './followed-documents.ts'
import { type RevocationList, readRevocationLists } from './revocation-list.ts'
import { readSpiffeBundle, type SpiffeBundle } from './spiffe-bundle.ts'

/** https, no redirects, at most maxBytes, in bounded time. The app provides it, since core knows no HTTP. */
export type FetchDocument = (location: Omit<Location, 'id'>, maxBytes: number) => Promise<Buffer>

const minuteMs = 60_000
const bundle = {
  maxBytes: 256 * 1024,
  soonestMs: minuteMs / 2,
  usualMs: 5 * minuteMs,
  latestMs: 30 * minuteMs,
  staleMs: 60 * minuteMs,
}
const list = { maxBytes: 2 * 1024 * 1024, refreshMs: 5 * minuteMs, staleMs: 60 * minuteMs }

type FetchedLists = Fetched<readonly RevocationList[]>

export class TrustMaterial {
  readonly #fetch: FetchDocument
  readonly #verify: VerifySignature
  readonly #bundles: FollowedDocuments<SpiffeBundle>
  readonly #lists: FollowedDocuments<readonly RevocationList[]>
  // Derived from registrations and gone with them.
  readonly #inlineBundles = new WeakMap<SpiffeTrustSource, SpiffeBundle>()
  readonly #inlineLists = new WeakMap<X509TrustSource, readonly RevocationList[]>()

  /** onFault: told of each fetch that failed. */
  constructor(
    fetch: FetchDocument,
    verify: VerifySignature = verifyHere,
    onFault: (location: Location, fault: unknown) => void = () => {},
  ) {
    this.#fetch = fetch
    this.#verify = verify
    this.#bundles = new FollowedDocuments((location, nowMs) => this.#loadBundle(location, nowMs), onFault)
    this.#lists = new FollowedDocuments((...args) => this.#loadLists(...args), onFault)
  }

  /** nowMs, here and below: the database's clock. */
  async follow({ tenant, trustSources }: TenantSnapshot, nowMs: number): Promise<void> {
    const bundles: Location[] = []
    const lists: Location[] = []
    for (const source of trustSources.values()) {
      if (source.kind === 'spiffe') bundles.push(...bundleLocation(source))
      if (source.kind === 'x509_ca') lists.push(...listLocation(source))
    }
    await Promise.all([this.#bundles.follow(tenant.id, bundles, nowMs), this.#lists.follow(tenant.id, lists, nowMs)])
  }

  refreshDue(nowMs: number): void {
    this.#bundles.refreshDue(nowMs)
    this.#lists.refreshDue(nowMs)
  }

  /** Another number whenever a bundle or list of the tenant has become another. */
  generationOf(tenantId: string): number {
    return this.#bundles.generationOf(tenantId) + this.#lists.generationOf(tenantId)
  }

  /** undefined: it could not be had, or only too long ago. */
  bundleOf(source: SpiffeTrustSource, nowMs: number): SpiffeBundle | undefined {
    const [location] = bundleLocation(source)
    if (location) return this.#bundles.find(location, nowMs)
    let inline = this.#inlineBundles.get(source)
    if (!inline) {
      inline = readSpiffeBundle(source.bundle, this.#verify).bundle
      this.#inlineBundles.set(source, inline)
    }
    return inline
  }

  /**
   * The trust domain's key for JWT-SVIDs with this kid and algorithm; undefined when its bundle holds none. Throws BrokerError
   * `trust_source_unavailable` when there is no bundle.
   */
  readonly findJwtSvidKey = async (
    source: SpiffeTrustSource,
    kid: string | undefined,
    alg: string,
    nowMs: number,
  ): Promise<IssuerKey | undefined> => {
    const found = this.bundleOf(source, nowMs)
    if (!found)
      throw new BrokerError('trust_source_unavailable', { detail: `no bundle of ${source.trustDomain}`, retryAfterSeconds: 5 })
    return kid === undefined ? undefined : found.jwtKeys.get(kid)?.find(key => key.alg === alg)
  }

  /** The source's lists, whoever signed them; undefined: those at its address could not be had, or only too long ago. */
  revocationListsOf(source: X509TrustSource, nowMs: number): readonly RevocationList[] | undefined {
    let inline = this.#inlineLists.get(source)
    if (!inline) {
      inline = (source.crl?.pem ?? []).flatMap(pem => readRevocationLists(Buffer.from(pem)))
      this.#inlineLists.set(source, inline)
    }
    const [location] = listLocation(source)
    if (!location) return inline
    const fetched = this.#lists.find(location, nowMs)
    return fetched && [...inline, ...fetched]
  }

  async #loadBundle(location: Location, nowMs: number): Promise<Fetched<SpiffeBundle>> {
    const bytes = await this.#fetch(location, bundle.maxBytes)
    const document = parseStrictJson(bytes.toString('utf8'), { numbers: 'any', maxBytes: bundle.maxBytes })
    const { bundle: value, faults } = readSpiffeBundle(document, this.#verify)
    if (faults.length > 0) throw new Error(faults.join(' '))
    const hintMs = (value.refreshHintSeconds ?? bundle.usualMs / 1000) * 1000
    const refreshMs = Math.min(Math.max(hintMs, bundle.soonestMs), bundle.latestMs)
    return { value, digest: hash('sha256', bytes, 'base64url'), refreshMs, usableUntilMs: nowMs + bundle.staleMs }
  }

  /** What cannot be read ends trust in what came before: somebody tampers with it, or nobody looks after it. */
  async #loadLists(location: Location, nowMs: number, held: FetchedLists | undefined): Promise<FetchedLists | Unusable> {
    const bytes = await this.#fetch(location, list.maxBytes)
    const digest = hash('sha256', bytes, 'base64url')
    const times = { refreshMs: list.refreshMs, usableUntilMs: nowMs + list.staleMs }
    // Reading a long one takes tens of milliseconds.
    if (held?.digest === digest) return { ...held, ...times }
    try {
      return { value: readRevocationLists(bytes), digest, ...times }
    } catch (error) {
      return { fault: (error as Error).message }
    }
  }
}

const bundleLocation = ({ id, bundleUrl, caPem }: SpiffeTrustSource): [] | [Location] =>
  bundleUrl === undefined ? [] : [{ id, url: bundleUrl, caPem }]

const listLocation = ({ id, crl }: X509TrustSource): [] | [Location] =>
  crl?.url === undefined ? [] : [{ id, url: crl.url, caPem: crl.ca_pem }]

// The keys of OpenID issuers. Fetched from where the registration says (or where the issuer's own discovery says), never
// from where a token says. Cached; an unknown `kid` may ask again, but only after a cool-down, so that tokens with invented
// kids cause no traffic.

import { BrokerError } from '#core/errors/broker-error.ts'
import type { OpenIdTrustSource } from '#core/registry/trust-source.ts'
import { type IssuerKey, readIssuerKeys } from './issuer-key.ts'
import { type VerifySignature, verifyHere } from './signature-verifier.ts'

/** Whose keys: as much of a trust source as is needed to find them. Those through whom people sign in have it too. */
export type KeySource = Pick<OpenIdTrustSource, 'id' | 'issuer' | 'jwksUri' | 'caPem'>

/** Fetches a JWK Set for a trust source: https, no redirects, bounded. The app provides it, since core knows no HTTP. */
export type FetchJwks = (source: KeySource) => Promise<unknown>

const freshMs = 10 * 60_000
const longestMs = 60 * 60_000
const coolDownMs = 15_000
const maxKeys = 64
/** How long a caller waits for a slow issuer: it is promised an answer within a second. The fetch goes on and fills the cache. */
const waitMs = 800

interface Entry {
  keys: Map<string, IssuerKey[]>
  fetchedMs: number
  triedMs: number
  flight: Promise<void> | undefined
  /** Why the last fetch failed; undefined when it did not. */
  fault: unknown
}

export class JwksStore {
  readonly #fetch: FetchJwks
  readonly #verify: VerifySignature
  readonly #entries = new Map<string, Entry>()

  /** verify: where signatures are checked, the calling thread by default. */
  constructor(fetch: FetchJwks, verify: VerifySignature = verifyHere) {
    this.#fetch = fetch
    this.#verify = verify
  }

  /**
   * The issuer's key for this kid and algorithm, or undefined when it publishes none. nowMs: monotonic enough, milliseconds.
   * Throws BrokerError `trust_source_unavailable` when no keys could be had at all.
   */
  async find(source: KeySource, kid: string | undefined, alg: string, nowMs: number): Promise<IssuerKey | undefined> {
    const entry = this.#entryOf(source)
    const known = (): IssuerKey | undefined => pick(entry.keys, kid, alg)
    const ageMs = nowMs - entry.fetchedMs
    if (ageMs <= freshMs && known()) return known()
    const isDue = nowMs - entry.triedMs > coolDownMs
    if (entry.fault !== undefined && ageMs <= longestMs && known()) {
      // The issuer has just failed: its callers are not made to wait for its next failure.
      if (isDue) void this.#refresh(source, entry, nowMs)
      return known()
    }
    if (isDue || entry.flight) {
      const arrived = await inTime(this.#refresh(source, entry, nowMs))
      if (!arrived && !known()) throw unavailable(source, 'its keys are still being fetched', 1)
    }
    if (nowMs - entry.fetchedMs > longestMs)
      throw unavailable(source, entry.fault, Math.max(1, Math.ceil((entry.triedMs + coolDownMs - nowMs) / 1000)))
    return known()
  }

  #entryOf(source: KeySource): Entry {
    const name = JSON.stringify([source.id, source.issuer, source.jwksUri ?? null, source.caPem ?? null])
    let entry = this.#entries.get(name)
    if (!entry) {
      const never = Number.NEGATIVE_INFINITY
      entry = { keys: new Map(), fetchedMs: never, triedMs: never, flight: undefined, fault: undefined }
      this.#entries.set(name, entry)
    }
    return entry
  }

  /** One fetch at a time; a failed one keeps the keys that we have, until they are too old. */
  #refresh(source: KeySource, entry: Entry, nowMs: number): Promise<void> {
    entry.flight ??= (async () => {
      entry.triedMs = nowMs
      try {
        entry.keys = readJwks(await this.#fetch(source), this.#verify)
        entry.fetchedMs = nowMs
        entry.fault = undefined
      } catch (error) {
        // The caller sees it by the age of what is left.
        entry.fault = error ?? 'unknown'
      } finally {
        entry.flight = undefined
      }
    })()
    return entry.flight
  }
}

/** Whether `flight`, which never fails, ends within the time that a caller can wait. */
async function inTime(flight: Promise<void>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>()
  const timer = setTimeout(() => resolve(false), waitMs)
  const ended = await Promise.race([flight.then(() => true), late])
  clearTimeout(timer)
  return ended
}

const unavailable = (source: KeySource, cause: unknown, retryAfterSeconds: number): BrokerError =>
  new BrokerError('trust_source_unavailable', { detail: `no keys of ${source.issuer}`, cause, retryAfterSeconds })

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

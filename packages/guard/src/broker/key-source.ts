// Where the issuer's public keys come from: a set given at start, a function, or the issuer itself. A token can choose among
// these keys by `kid`, and nothing else: not where they are fetched from, and not how often.

import type { KeyObject } from 'node:crypto'
import { bindKey, readJwk, type VerificationKey } from '../token/algorithms.ts'
import { isRecord } from '../token/strict-json.ts'

/** A JSON Web Key Set (RFC 7517 § 5). */
export interface JwkSet {
  readonly keys: readonly object[]
}

/**
 * Finds a key by its id; undefined where the issuer has none of that id. Throws (or rejects) where the keys cannot be had,
 * which is not the token's fault. The same key must come back as the same object while it is in use.
 */
export type FindKey = (kid: string) => VerificationKey | undefined | Promise<VerificationKey | undefined>

const maxKeys = 100

/** Reads a key set. Keys that are not for verification, unknown, or of a `kid` already taken are left out. */
function readKeySet(document: unknown, before: ReadonlyMap<string, VerificationKey> = new Map()): Map<string, VerificationKey> {
  const keys = new Map<string, VerificationKey>()
  if (!isRecord(document) || !Array.isArray(document['keys'])) throw new TypeError('this is no JWK set')
  for (const jwk of document['keys'].slice(0, maxKeys)) {
    const kid = isRecord(jwk) ? jwk['kid'] : undefined
    if (!isRecord(jwk) || typeof kid !== 'string' || keys.has(kid)) continue
    const key = readJwk(jwk)
    const known = before.get(kid)
    // A key that stays keeps its object, so that tokens verified with it stay known.
    if (key) keys.set(kid, known?.key.equals(key.key) ? known : key)
  }
  return keys
}

/** Keys given at start. Throws a TypeError where none of them can verify. */
export function fixedKeys(set: JwkSet): FindKey {
  const keys = readKeySet(set)
  if (keys.size === 0) throw new TypeError('jwks holds no key that can verify a task token')
  return kid => keys.get(kid)
}

/** Keys from a function. */
export function functionKeys(find: (kid: string) => KeyObject | undefined | Promise<KeyObject | undefined>): FindKey {
  const bound = new WeakMap<KeyObject, VerificationKey>()
  return async kid => {
    const key = await find(kid)
    if (!key) return undefined
    const known = bound.get(key) ?? bindKey(key)
    if (known) bound.set(key, known)
    return known
  }
}

/** Times of a remote key set, in milliseconds. */
export interface RemoteKeyTimes {
  /** After this the set is read again, while requests go on with the old one. */
  readonly refreshAfterMs: number
  /** After this an old set is not used any more. */
  readonly refuseAfterMs: number
  /** An unknown `kid` makes the set be read again at most this often. */
  readonly coolDownMs: number
  /** After a failed reading, the next one waits this long. */
  readonly retryAfterMs: number
}

const defaultTimes: RemoteKeyTimes = { refreshAfterMs: 300_000, refuseAfterMs: 3_600_000, coolDownMs: 30_000, retryAfterMs: 1000 }

/**
 * Keys read from the issuer. `load` reads the JWK set; it is called once at a time, and never more often than the cool-down
 * allows, however many unknown key ids arrive. `onUnavailable` is told once of each time without usable keys.
 */
export function remoteKeys(
  load: () => Promise<unknown>,
  times: Partial<RemoteKeyTimes> = {},
  monotonicMs: () => number = () => performance.now(),
  onUnavailable: (error: unknown) => void = () => {},
): FindKey {
  const { refreshAfterMs, refuseAfterMs, coolDownMs, retryAfterMs } = { ...defaultTimes, ...times }
  let keys: Map<string, VerificationKey> | undefined
  let loadedAt = Number.NEGATIVE_INFINITY
  let waitUntil = Number.NEGATIVE_INFINITY
  let flight: Promise<void> | undefined
  let isTold = false

  const refresh = (): Promise<void> => {
    flight ??= load()
      .then(document => {
        keys = readKeySet(document, keys)
        loadedAt = monotonicMs()
        waitUntil = loadedAt + coolDownMs
        isTold = false
      })
      .catch(error => {
        waitUntil = monotonicMs() + retryAfterMs
        if (isTold || usable()) return
        isTold = true
        onUnavailable(error)
      })
      .finally(() => {
        flight = undefined
      })
    return flight
  }

  const usable = (): Map<string, VerificationKey> | undefined => (monotonicMs() - loadedAt <= refuseAfterMs ? keys : undefined)

  const findAfterRefresh = async (kid: string): Promise<VerificationKey | undefined> => {
    if (flight || monotonicMs() >= waitUntil) await refresh()
    const set = usable()
    if (!set) throw new Error('the keys of the issuer cannot be read')
    return set.get(kid)
  }

  return kid => {
    const key = usable()?.get(kid)
    if (!key) return findAfterRefresh(kid)
    const now = monotonicMs()
    if (now - loadedAt > refreshAfterMs && now >= waitUntil) void refresh()
    return key
  }
}

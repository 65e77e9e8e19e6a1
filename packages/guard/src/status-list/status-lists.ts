// Token Status Lists, where the feed cannot tell (draft-ietf-oauth-status-list-21 § 8.3). A list is read anew when its `ttl` is over,
// by one request at a time however many wait, and used no longer than the guard's own bound. Whatever is not plainly known is
// `unknown`, and the guard refuses it.

import type { FindKey } from '../broker/key-source.ts'
import type { StatusReference } from '../token/claims.ts'
import { readList, type StatusList, statusAt } from './read-list.ts'

export type TokenStatus = 'valid' | 'revoked' | 'unknown'

export interface StatusListsOptions {
  readonly issuer: string
  readonly findKey: FindKey
  /** The text behind an address of the issuer's. Rejects where it cannot be had in time. */
  readonly fetchText: (uri: string) => Promise<string>
  /** How old a list may be, in milliseconds. */
  readonly maxStaleMs: number
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly wallMs?: () => number
  /** Milliseconds on a clock that nobody sets. Default: the process's. */
  readonly monotonicMs?: () => number
}

interface Kept {
  /** Undefined until the first reading succeeded. */
  list?: StatusList
  /** When the list was asked for. */
  askedAt: number
  /** Before this it is not asked for again. */
  waitUntil: number
  flight?: Promise<void>
}

/** Each broker process has lists of its own, and fills them one by one. */
const maxLists = 64
/** After a failed reading, the next one waits this long. */
const retryAfterMs = 1000
/** A list may come from a clock so far ahead of ours. */
const leewayMs = 5000

export class StatusLists {
  readonly #options: Required<StatusListsOptions>
  readonly #kept = new Map<string, Kept>()

  constructor(options: StatusListsOptions) {
    this.#options = { wallMs: Date.now, monotonicMs: () => performance.now(), ...options }
  }

  /** What the list says of a token. The token itself must have been verified before: its word is where the list is. Never throws. */
  async isRevoked({ idx, uri }: StatusReference): Promise<TokenStatus> {
    if (!this.#isOwn(uri)) return 'unknown'
    const kept = this.#keep(uri)
    const asked = this.#mayAsk(kept) ? this.#ask(uri, kept) : kept.flight
    // Half way through its life it is read anew behind the back of those who ask; behind its end they wait.
    if (asked && this.#ageMs(kept) > this.#ttlMs(kept)) await asked
    const { list } = kept
    if (!list || !this.#isUsable(kept, list)) return 'unknown'
    const status = statusAt(list, idx)
    if (status === undefined) return 'unknown'
    return status === 0 ? 'valid' : 'revoked'
  }

  /** A list is read from the issuer alone: a token chooses among its addresses, not among all there are. */
  #isOwn(uri: string): boolean {
    const base = this.#options.issuer.replace(/\/$/, '')
    return uri.startsWith(`${base}/`) && URL.canParse(uri) && new URL(uri).href === uri
  }

  #keep(uri: string): Kept {
    const kept = this.#kept.get(uri) ?? { askedAt: Number.NEGATIVE_INFINITY, waitUntil: Number.NEGATIVE_INFINITY }
    this.#kept.delete(uri)
    this.#kept.set(uri, kept)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > maxLists && oldest !== undefined) this.#kept.delete(oldest)
    return kept
  }

  #ageMs({ askedAt }: Kept): number {
    return this.#options.monotonicMs() - askedAt
  }

  #ttlMs({ list }: Kept): number {
    return Math.min((list?.ttlSeconds ?? 0) * 1000, this.#options.maxStaleMs)
  }

  #mayAsk(kept: Kept): boolean {
    return !kept.flight && this.#ageMs(kept) > this.#ttlMs(kept) / 2 && this.#options.monotonicMs() >= kept.waitUntil
  }

  #ask(uri: string, kept: Kept): Promise<void> {
    kept.flight = this.#read(uri, kept).finally(() => {
      delete kept.flight
    })
    return kept.flight
  }

  async #read(uri: string, kept: Kept): Promise<void> {
    const { findKey, fetchText, monotonicMs } = this.#options
    const askedAt = monotonicMs()
    try {
      const list = await readList(await fetchText(uri), uri, findKey)
      // An older one than we have comes of some cache on the way, or of somebody who wants a revocation forgotten.
      if (!list || list.issuedAt < (kept.list?.issuedAt ?? 0)) throw new Error('no list that could be used')
      Object.assign(kept, { list, askedAt })
    } catch {
      kept.waitUntil = monotonicMs() + retryAfterMs
    }
  }

  /** Fresh on both clocks: one stands still while a machine sleeps, the other can be set. */
  #isUsable(kept: Kept, { issuedAt, expiresAt }: StatusList): boolean {
    const { wallMs, maxStaleMs } = this.#options
    const now = wallMs()
    const age = Math.max(this.#ageMs(kept), now - issuedAt * 1000)
    return now < expiresAt * 1000 && issuedAt * 1000 <= now + leewayMs && age <= maxStaleMs
  }
}

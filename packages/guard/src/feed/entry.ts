// One line of the revocation feed: what it is about, as the first 16 bytes of a SHA-256 instead of an id, so that a resource
// can match what it has seen and learns nothing of the rest.
//
//   <letter><22 characters of base64url>.<least, or nothing>.<until, in seconds since the epoch>

import { hash } from 'node:crypto'

/**
 * What an entry is about, and so which claim it is compared with: `a` account_id, `x` txn, `j` jti, `c` client_id and every
 * `sub` in `act`, `k` the header's kid, `t` iss.
 */
export type EntryKind = 'a' | 'x' | 'j' | 'c' | 'k' | 't'

/** An entry, parsed. */
export interface FeedEntry {
  readonly kind: EntryKind
  /** Letter and match in one text: what a token's own marks are looked up by. See `markOf`. */
  readonly mark: string
  /** The least `gen` or `cfg` that still counts; undefined: none does. */
  readonly least: number | undefined
  /** Seconds since the epoch after which no token can match it any more. */
  readonly until: number
}

const pattern = /^([axjckt])([A-Za-z0-9_-]{22})\.(\d{0,15})\.(\d{1,12})$/

/** Parses one line; undefined where it has another shape. */
export function parseEntry(text: unknown): FeedEntry | undefined {
  const parts = typeof text === 'string' ? pattern.exec(text) : null
  if (!parts) return undefined
  const [, kind = '', match = '', least = '', until = ''] = parts
  return {
    kind: kind as EntryKind,
    mark: kind + match,
    least: least === '' ? undefined : Number(least),
    until: Number(until),
  }
}

/** The mark under which an entry of this kind about this value stands. */
export function markOf(kind: EntryKind, value: string): string {
  return kind + hash('sha256', value, 'buffer').toString('base64url', 0, 16)
}

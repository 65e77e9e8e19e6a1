// An entry of the revocation feed: what a verifier compares a token with. It names nothing: a resource can match what it has seen,
// and learns nothing of the rest. `docs/reference/feed.md` tells the same to those who write a verifier.

import { hash } from 'node:crypto'

/**
 * What an entry is about, and which tokens it refuses:
 *
 * - `a` account: `account_id` matches and `gen` is below `least`.
 * - `x` tree: `txn` matches, and `account_id` is not `sub` or `gen` is below `least`.
 * - `j` token: `jti` matches.
 * - `c` agent: `client_id` or any `sub` of the `act` chain matches, and `cfg` is below `least`.
 * - `k` key: the header's `kid` matches.
 * - `t` tenant: `iss` matches and `cfg` is below `least`.
 */
export type RevocationKind = 'a' | 'x' | 'j' | 'c' | 'k' | 't'

export interface RevocationEntry {
  readonly epoch: number
  readonly kind: RevocationKind
  /** 16 bytes: `matchOf` of the claim's text. */
  readonly match: Buffer
  /** Least generation or config epoch that is still good; null: none is. */
  readonly least: number | null
  /** When the last token that it could be about has ended, seconds since the epoch. */
  readonly untilSeconds: number
}

/** The first 16 bytes of SHA-256 over the text as it stands in the token. */
export function matchOf(text: string): Buffer {
  return hash('sha256', text, 'buffer').subarray(0, 16)
}

/** `<kind><match as base64url>.<least>.<until>`, as it goes over the wire. */
export function encodeEntry({ kind, match, least, untilSeconds }: RevocationEntry): string {
  return `${kind}${match.toString('base64url')}.${least ?? ''}.${untilSeconds}`
}

// Tokens whose signature and shape were checked before, so that the next use costs a hash instead of a signature.
// The name under which a token is kept is the SHA-256 of all of it (fast-jwt CVE-2026-35039: a cache keyed by less lets one
// token speak for another). Everything that may change between two uses is checked again by the caller: time, key, presenter,
// operation, replay.

import { hash } from 'node:crypto'
import type { RevocationMemo } from '../feed/revocation-index.ts'
import type { Grant } from '../permission/authorize.ts'
import type { VerificationKey } from './algorithms.ts'
import type { TaskTokenClaims } from './claims.ts'

/** A token that verified, with what was prepared from it. */
export interface KnownToken {
  readonly claims: TaskTokenClaims
  readonly grant: Grant
  readonly kid: string
  /** The key that verified it. Once the issuer withdraws the key, the token is no longer known. */
  readonly key: VerificationKey
  /** What the revocation check remembers of it. */
  readonly memo: RevocationMemo
}

/** A bounded cache that drops what was used longest ago. */
export class TokenCache {
  readonly #tokens = new Map<string, KnownToken>()
  readonly #limit: number

  /** limit: number of tokens kept; 0 keeps none. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** The name of a token. */
  static nameOf(token: string): string {
    return hash('sha256', token, 'base64url')
  }

  find(name: string): KnownToken | undefined {
    const known = this.#tokens.get(name)
    if (known) {
      this.#tokens.delete(name)
      this.#tokens.set(name, known)
    }
    return known
  }

  keep(name: string, token: KnownToken): void {
    if (this.#limit === 0) return
    this.#tokens.set(name, token)
    if (this.#tokens.size <= this.#limit) return
    const oldest = this.#tokens.keys().next().value
    if (oldest !== undefined) this.#tokens.delete(oldest)
  }

  drop(name: string): void {
    this.#tokens.delete(name)
  }

  get size(): number {
    return this.#tokens.size
  }
}

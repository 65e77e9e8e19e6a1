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
  /** What is remembered of its uses: by the revocation check, and whether it was ever let in. */
  readonly memo: RevocationMemo & { isLetIn?: boolean }
}

/** How many texts are remembered. */
const mostTexts = 256
/** Two tokens hardly ever end alike, and whole texts are compared. */
const tailChars = 32

/** A bounded cache that drops what was used longest ago. */
export class TokenCache {
  readonly #tokens = new Map<string, KnownToken>()
  /** The last tokens by the end of their text, so that the same text costs a comparison instead of a hash. */
  readonly #texts = new Map<string, { readonly text: string; readonly known: KnownToken }>()
  readonly #limit: number

  /** limit: number of tokens kept; 0 keeps none. */
  constructor(limit: number) {
    this.#limit = limit
  }

  find(token: string): KnownToken | undefined {
    const recent = this.#texts.get(token.slice(-tailChars))
    if (recent?.text === token) return recent.known
    const name = nameOf(token)
    const known = this.#tokens.get(name)
    if (known) {
      this.#tokens.delete(name)
      this.#tokens.set(name, known)
      this.#remember(token, known)
    }
    return known
  }

  keep(token: string, known: KnownToken): void {
    if (this.#limit === 0) return
    this.#tokens.set(nameOf(token), known)
    dropOldest(this.#tokens, this.#limit)
  }

  drop(token: string): void {
    this.#tokens.delete(nameOf(token))
    this.#texts.delete(token.slice(-tailChars))
  }

  get size(): number {
    return this.#tokens.size
  }

  #remember(text: string, known: KnownToken): void {
    const tail = text.slice(-tailChars)
    this.#texts.delete(tail)
    this.#texts.set(tail, { text, known })
    dropOldest(this.#texts, mostTexts)
  }
}

function nameOf(token: string): string {
  return hash('sha256', token, 'base64url')
}

function dropOldest(entries: Map<string, unknown>, limit: number): void {
  if (entries.size <= limit) return
  const oldest = entries.keys().next().value
  if (oldest !== undefined) entries.delete(oldest)
}

import { hash } from 'node:crypto'
import { GenerationCache } from '#core/memory/generation-cache.ts'
import type { BoundKey } from '#core/subject/bound-key.ts'
import type { Pin } from '#db/log/append.ts'

/** Which key a bearer subject token belongs to. The database decides (`log.append`); a pin never changes, so it may be remembered. */
export class Pins {
  readonly #keys = new GenerationCache<string, string>(30_000)

  /**
   * The name under which a token is pinned: SHA-256 (hex) over what its signature covers, and not over the whole of it. Of
   * every ECDSA signature (r, s) anyone can make another good one, (r, -s): a thief would have a token that was never used.
   */
  static nameOf(token: string): string {
    return hash('sha256', token.slice(0, token.lastIndexOf('.')), 'hex')
  }

  /** Both kinds of thumbprint are SHA-256 over different things, so that no two keys share one. */
  static keyName(key: BoundKey | undefined): string {
    return key === undefined ? '' : Buffer.from(key.thumbprint, 'base64url').toString('hex')
  }

  /** Whether the token is known to belong to another key than this one. */
  contradicts(tokenHash: string, key: BoundKey | undefined): boolean {
    const pinned = this.#keys.get(tokenHash)
    return pinned !== undefined && pinned !== Pins.keyName(key)
  }

  /** Whether the token is known to belong to this key, so that it need not be pinned again. */
  confirms(tokenHash: string, key: BoundKey | undefined): boolean {
    return this.#keys.get(tokenHash) === Pins.keyName(key)
  }

  /** Whether what is pinned is known to belong to something else. */
  isForeign(pin: Pin): boolean {
    const pinned = this.#keys.get(pin.token_hash)
    return pinned !== undefined && pinned !== pin.key
  }

  remember(pin: Pin): void {
    this.#keys.set(pin.token_hash, pin.key)
  }

  /** The database knows another key for this token. Which one does not matter: it is not the one just tried. */
  markForeign(pin: Pin): void {
    this.#keys.set(pin.token_hash, `not ${pin.key}`)
  }
}

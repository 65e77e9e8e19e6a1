// Nonces that nobody stores. A nonce is a MAC over the number of a time window, under a key that all replicas derive from one
// secret of the deployment: so each of them knows the nonces of the others, and a flood of requests fills nothing.
//
// A nonce proves that a proof was made lately, and no more: it is the same for everybody and good for many proofs. That a
// proof is used once is for its `jti`. It is not tied to a tenant either, because clients keep one nonce for each origin
// (RFC 9449 § 8.2). docs/decisions/0019-dpop-nonces.md

import { timingSafeEqual } from 'node:crypto'
import { deriveMac, macBytes } from '#core/ids/derive-mac.ts'
import { decodeBase64url } from '#core/jwt/base64url.ts'

/**
 * A nonce is good for one to two windows. Five minutes at least: an agent that renews a token of that life each time brings
 * the nonce of its last answer, and is not sent back for a new one.
 */
const windowMs = 300_000

export class DpopNonces {
  readonly #mac: ReturnType<typeof deriveMac>

  /** secret: at least 32 random bytes, the same in all replicas. Used through HKDF only, so it may serve other ends too. */
  constructor(secret: Uint8Array) {
    this.#mac = deriveMac(secret, 'mayfly dpop nonce')
  }

  /** The nonce of now, 22 characters: the value of a `DPoP-Nonce` header. nowMs: the database's clock. */
  issue(nowMs: number): string {
    return this.#nonceOf(Math.floor(nowMs / windowMs)).toString('base64url')
  }

  /** Whether a nonce is of this window or the one before; the next counts too, for a replica whose clock is a little ahead. */
  accepts(nonce: string, nowMs: number): boolean {
    const bytes = decodeBase64url(nonce)
    if (bytes?.length !== macBytes) return false
    const current = Math.floor(nowMs / windowMs)
    return [current, current - 1, current + 1].some(window => timingSafeEqual(bytes, this.#nonceOf(window)))
  }

  #nonceOf(window: number): Buffer {
    return this.#mac(String(window))
  }
}

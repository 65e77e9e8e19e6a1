// Nonces that nobody stores. A nonce is a MAC over the number of a time window, under a key that all replicas derive from one
// secret of the deployment: so each of them knows the nonces of the others, and a flood of requests fills nothing.
//
// A nonce proves that a proof was made lately, and no more: it is the same for everybody and good for many proofs. That a
// proof is used once is for its `jti`. It is not tied to a tenant either, because clients keep one nonce for each origin
// (RFC 9449 § 8.2). docs/decisions/0019-dpop-nonces.md

import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

/**
 * A nonce is good for one to two windows. Five minutes at least: an agent that renews a token of that life each time brings
 * the nonce of its last answer, and is not sent back for a new one.
 */
const windowMs = 300_000
const macBytes = 16

export class DpopNonces {
  readonly #key: Buffer

  /** secret: at least 32 random bytes, the same in all replicas. Used through HKDF only, so it may serve other ends too. */
  constructor(secret: Uint8Array) {
    if (secret.length < 32) throw new RangeError('the secret of DPoP nonces must be at least 32 bytes')
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'mayfly dpop nonce', 32))
  }

  /** The nonce of now, 22 characters: the value of a `DPoP-Nonce` header. nowMs: the database's clock. */
  issue(nowMs: number): string {
    return this.#nonceOf(Math.floor(nowMs / windowMs)).toString('base64url')
  }

  /** Whether a nonce is of this window or the one before; the next counts too, for a replica whose clock is a little ahead. */
  accepts(nonce: string, nowMs: number): boolean {
    const bytes = Buffer.from(nonce, 'base64url')
    if (bytes.length !== macBytes || bytes.toString('base64url') !== nonce) return false
    const current = Math.floor(nowMs / windowMs)
    return [current, current - 1, current + 1].some(window => timingSafeEqual(bytes, this.#nonceOf(window)))
  }

  #nonceOf(window: number): Buffer {
    return createHmac('sha256', this.#key).update(String(window)).digest().subarray(0, macBytes)
  }
}

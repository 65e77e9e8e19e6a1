// Nonces that nobody stores: a MAC over the number of a time window. Replicas that are given one secret know each other's.
// A nonce proves that a proof was made lately; it is the same for everybody and good for many proofs (RFC 9449 § 9).

import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { decodeBase64url } from '../token/base64url.ts'

/** A nonce is good for one to two windows. */
const windowMs = 300_000
const macBytes = 16

/** Issues nonces and knows its own. */
export class ProofNonces {
  readonly #key: Buffer

  /** secret: at least 32 random bytes. */
  constructor(secret: Uint8Array) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'mayfly guard dpop nonce', 32))
  }

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
    return createHmac('sha256', this.#key).update(String(window)).digest().subarray(0, macBytes)
  }
}

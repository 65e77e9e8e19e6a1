// `challenge`: the guard hands out nonces, and a token counts only if it carries one of them, once.
// A nonce is a time, random bytes and a MAC over both, so handing them out stores nothing and a flood of unauthenticated
// requests fills nothing. Only spent nonces are kept, and only verified tokens can spend one.
// Limit: key and spent nonces live in this process. Replicas behind one address need sticky routing, or `once`.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { decodeBase64url } from '../token/base64url.ts'

const timeBytes = 6
const randomLength = 16
const macBytes = 16
const nonceBytes = timeBytes + randomLength + macBytes

/** Issues nonces and accepts each of its own once. */
export class ChallengeNonces {
  readonly #key = randomBytes(32)
  /** Spent nonces by the time (ms) at which they would have ended anyway; in the order in which they were spent. */
  readonly #spent = new Map<string, number>()
  readonly #lifetimeMs: number
  readonly #limit: number

  /** lifetimeMs: how long a nonce may be used. limit: how many spent ones are remembered before spending stops. */
  constructor(lifetimeMs = 120_000, limit = 100_000) {
    this.#lifetimeMs = lifetimeMs
    this.#limit = limit
  }

  issue(nowMs: number): string {
    const body = Buffer.alloc(timeBytes + randomLength)
    body.writeUIntBE(Math.floor(nowMs), 0, timeBytes)
    randomBytes(randomLength).copy(body, timeBytes)
    return Buffer.concat([body, this.#mac(body)]).toString('base64url')
  }

  /** Spends a nonce. 'full' where too many were spent lately to remember another one: then nothing may be let in. */
  spend(nonce: string, nowMs: number): 'spent' | 'refused' | 'full' {
    const endsAt = this.#endOf(nonce)
    if (endsAt === undefined || nowMs >= endsAt || nowMs < endsAt - this.#lifetimeMs - 1000) return 'refused'
    if (this.#spent.has(nonce)) return 'refused'
    if (this.#spent.size >= this.#limit) this.#forgetEnded(nowMs)
    if (this.#spent.size >= this.#limit) return 'full'
    this.#spent.set(nonce, endsAt)
    return 'spent'
  }

  #endOf(nonce: string): number | undefined {
    const bytes = decodeBase64url(nonce)
    if (bytes?.length !== nonceBytes) return undefined
    const body = bytes.subarray(0, timeBytes + randomLength)
    if (!timingSafeEqual(this.#mac(body), bytes.subarray(timeBytes + randomLength))) return undefined
    return body.readUIntBE(0, timeBytes) + this.#lifetimeMs
  }

  #mac(body: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(body).digest().subarray(0, macBytes)
  }

  #forgetEnded(nowMs: number): void {
    for (const [nonce, endsAt] of this.#spent) if (endsAt <= nowMs) this.#spent.delete(nonce)
  }
}

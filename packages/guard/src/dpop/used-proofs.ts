// Proofs that were used, until they are too old anyway (RFC 9449 § 11.1). Only proofs that hold, for tokens that hold, are kept,
// so junk fills nothing. When it is full, nothing more is let in: to forget one early would be to let it in a second time.
// Limit: it lives in this process. A proof that was read on its way can be used once at each replica. Where that matters: `once`.

import { hash } from 'node:crypto'

/** Remembers proofs by key and `jti`. */
export class UsedProofs {
  /** By the time (ms) at which they are too old; in the order in which they came, which is nearly that of their ends. */
  readonly #used = new Map<string, number>()
  readonly #limit: number

  /** limit: how many are remembered at a time. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Uses a proof. 'full' where another one cannot be remembered: then it must not be let in. */
  use(jkt: string, jti: string, endsAtMs: number, nowMs: number): 'first' | 'again' | 'full' {
    this.#forgetEnded(nowMs)
    // A hash, because a `jti` may be long and there may be many.
    const name = hash('sha256', `${jkt} ${jti}`, 'base64url')
    if (this.#used.has(name)) return 'again'
    if (this.#used.size >= this.#limit) return 'full'
    this.#used.set(name, endsAtMs)
    return 'first'
  }

  get size(): number {
    return this.#used.size
  }

  /** From the front only: one that ends a little later may keep others for as long, never for longer. */
  #forgetEnded(nowMs: number): void {
    for (const [name, endsAtMs] of this.#used) {
      if (endsAtMs > nowMs) return
      this.#used.delete(name)
    }
  }
}

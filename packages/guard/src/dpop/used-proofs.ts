// Proofs that were used, until they are too old anyway (RFC 9449 § 11.1). Only proofs that hold, for tokens that hold, are kept,
// so junk fills nothing. When it is full, nothing more is let in: to forget one early would be to let it in a second time.
// Limit: it lives in this process. A proof that was read on its way can be used once at each replica. Where that matters: `once`.

import { hash } from 'node:crypto'

/** When a proof is too old: by the wall clock, and by the process's own. */
interface Used {
  readonly endsAtMs: number
  readonly keptUntilMs: number
}

/** Remembers proofs by key and `jti`. */
export class UsedProofs {
  /** In the order in which they came, which is nearly that of their ends. */
  readonly #used = new Map<string, Used>()
  readonly #limit: number
  readonly #monotonicMs: () => number

  /** limit: how many are remembered at a time. monotonicMs: a clock that nobody sets. */
  constructor(limit: number, monotonicMs: () => number = () => performance.now()) {
    this.#limit = limit
    this.#monotonicMs = monotonicMs
  }

  /** Uses a proof. 'full' where another one cannot be remembered: then it must not be let in. */
  use(jkt: string, jti: string, endsAtMs: number, nowMs: number): 'first' | 'again' | 'full' {
    this.#forgetEnded(nowMs)
    // A hash, because a `jti` may be long and there may be many.
    const name = hash('sha256', `${jkt} ${jti}`, 'base64url')
    if (this.#used.has(name)) return 'again'
    if (this.#used.size >= this.#limit) return 'full'
    this.#used.set(name, { endsAtMs, keptUntilMs: this.#monotonicMs() + endsAtMs - nowMs })
    return 'first'
  }

  get size(): number {
    return this.#used.size
  }

  /**
   * From the front only: one that ends a little later may keep others for as long, never for longer. By both clocks: a wall clock that
   * ran ahead and is set back makes old proofs new again.
   */
  #forgetEnded(nowMs: number): void {
    const monotonicMs = this.#monotonicMs()
    for (const [name, { endsAtMs, keptUntilMs }] of this.#used) {
      if (endsAtMs > nowMs || keptUntilMs > monotonicMs) return
      this.#used.delete(name)
    }
  }
}

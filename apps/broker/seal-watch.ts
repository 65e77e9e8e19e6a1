// How far sealing the log is behind. Tokens go on without a sealer for a while; beyond ten minutes the log could be rewritten for so long
// without anybody outside to tell, so no more are issued until it is sealed again. Everything else goes on, revocation above all: the node
// stays ready. Where no sealer was ever set up nothing is refused.

import { BrokerError } from '#core/errors/broker-error.ts'
import type { SealState } from '#db/log/seal.ts'

const everyMs = 5_000
/** The oldest entry may wait so long to be sealed. */
export const sealLagMaxMs = 600_000

export class SealWatch {
  readonly #read: () => Promise<SealState | undefined>
  readonly #lagMaxMs: number
  #state: SealState | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(read: () => Promise<SealState | undefined>, lagMaxMs = sealLagMaxMs) {
    this.#read = read
    this.#lagMaxMs = lagMaxMs
  }

  async start(): Promise<void> {
    await this.look()
    this.#timer = setInterval(() => void this.look().catch(() => {}), everyMs).unref()
  }

  /** Rejects when the database cannot be asked; what was known stays. */
  async look(): Promise<void> {
    this.#state = await this.#read()
  }

  /** As it was seen last; undefined: there is no sealer. */
  get state(): SealState | undefined {
    return this.#state
  }

  /** Throws BrokerError `log_unavailable` when nothing may be issued. */
  check(): void {
    if (this.#isTooFarBehind())
      throw new BrokerError('log_unavailable', { detail: 'the log is not sealed: see mayfly log status', retryAfterSeconds: 30 })
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #isTooFarBehind(): boolean {
    return this.#state !== undefined && this.#state.lagMs > this.#lagMaxMs
  }
}

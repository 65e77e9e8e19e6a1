import type { Logger } from 'pino'
import { sweepRevoked } from '#core/revocation/sweep.ts'
import type { SweepName } from '#db/revocation/sweeps.ts'
import type { V1Deps } from './deps.ts'

/** Begins to end the accounts behind a revocation as soon as it is made. What is left when this process ends, the worker does. */
export class SweepStarter {
  readonly #deps: V1Deps
  readonly #logger: Pick<Logger, 'warn'>
  readonly #ending = new AbortController()
  readonly #running = new Set<Promise<unknown>>()

  constructor(deps: V1Deps, logger: Pick<Logger, 'warn'>) {
    this.#deps = deps
    this.#logger = logger
  }

  /** Harmless where there is nothing to end. Never throws. */
  start(sweep: SweepName): void {
    const { dbOf, transition } = this.#deps.accounts
    const running = sweepRevoked({ dbOf, transition, signal: this.#ending.signal }, sweep)
      .catch(err => this.#logger.warn({ err }, 'ending the accounts behind a revocation stopped; the worker goes on'))
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Ends between two batches. */
  async close(): Promise<void> {
    this.#ending.abort()
    await Promise.all(this.#running)
  }
}

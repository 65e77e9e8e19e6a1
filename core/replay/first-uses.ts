import { hash } from 'node:crypto'
import { BatchLoader } from '#core/memory/batch-loader.ts'
import type { ReplayKind, ReplayUse } from '#db/replay/consume.ts'

/** Remembered a little longer than the proof is accepted, so that no rounding opens a gap between the two. */
const marginSeconds = 60

/**
 * Whether a proof is used for the first time, in the whole deployment. Durable before it is answered. Who asks at the same
 * time shares one round trip. An answer that did not come in time counts as used: the caller must make a new proof.
 */
export class FirstUses {
  readonly #loader: BatchLoader<ReplayUse, boolean>

  /** consume: `consumeReplays` on the database. */
  constructor(consume: (uses: readonly ReplayUse[]) => Promise<readonly boolean[]>) {
    // The loader gathers equal keys; each use is an object of its own, so that no two callers can share one first use.
    this.#loader = new BatchLoader(async uses => {
      const first = await consume(uses)
      return new Map(uses.map((use, i) => [use, first[i] === true]))
    })
  }

  /**
   * tenantId: uuid. parts: what must not come twice, as an unambiguous list (issuer and `jti`; or the whole proof).
   * expiresSeconds: when the proof itself ends. Throws BrokerError `log_unavailable`.
   */
  async consume(tenantId: string, kind: ReplayKind, parts: readonly string[], expiresSeconds: number): Promise<boolean> {
    const name = hash('sha256', JSON.stringify(parts), 'hex')
    const use = { tenantId, kind, hash: name, expiresSeconds: Math.ceil(expiresSeconds) + marginSeconds }
    return (await this.#loader.load(use)) === true
  }
}

// The sealer, each second: one process at a time, chosen by a lock, seals what came into the log. A fault stops the signing, not the
// process: it is told at /readyz, in the metrics, in the log and in the database, and each round looks whether it is gone.

import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { sparingly } from '#apps/process/sparingly.ts'
import { openTileStore } from '#apps/process/tiles/open-tile-store.ts'
import { originOf } from '#core/tlog/checkpoint.ts'
import { createNoteSigner, formatVerifierKey } from '#core/tlog/note.ts'
import type { SealStore } from '#core/tlog/tile-store.ts'
import type { Database } from '#db/connect.ts'
import { findSealState, readLogHead, reportSealer } from '#db/log/seal.ts'
import type { SealerLock } from '#db/log/sealer-lock.ts'
import type { Cosign, WitnessState } from './cosign.ts'
import { LookBack } from './look-back.ts'
import { SealFault } from './seal-fault.ts'
import { LogSealer } from './seal-log.ts'
import { createSealerMetrics, type SealerMetrics } from './sealer-metrics.ts'
import type { SealerSettings } from './settings.ts'

const standardEveryMs = 1_000
const reportEveryMs = 5_000

export interface Sealer {
  /** Seals now, if this process is the one that seals. Rejects with SealFault or whatever failed. */
  round(): Promise<void>
  /** Why nothing is sealed, in words; empty when all is well, also for one that only waits for its turn. */
  faults(): string[]
  /** Whether this process is the one that seals. */
  isLeader(): boolean
  /** Finishes the round under way, then ends. */
  close(): Promise<void>
}

export interface SealerDeps {
  readonly settings: Pick<SealerSettings, 'keys' | 'stateDir' | 'host' | 'tiles'>
  readonly database: Pick<Database, 'sql'>
  readonly lock: SealerLock
  readonly logger: Logger
  readonly registry: Registry
  readonly cosign?: Cosign
  /** What is known of the witnesses now; left out: what they said at the last round. */
  readonly witnesses?: () => readonly WitnessState[]
  /** In place of what the settings name. */
  readonly tiles?: SealStore
  /** 0: only when asked. */
  readonly everyMs?: number
}

export function startSealer(deps: SealerDeps): Sealer {
  const work = new SealerWork(deps)
  const { everyMs = standardEveryMs } = deps
  const failed = sparingly<unknown>(err => deps.logger.error({ err }, 'the log is not sealed; it is tried again'))
  let running: Promise<void> | undefined
  const round = (): Promise<void> => {
    running ??= work.round().finally(() => {
      running = undefined
    })
    return running
  }
  const timer = everyMs > 0 ? setInterval(() => void round().catch(failed), everyMs) : undefined
  return {
    round,
    faults: () => work.faults(),
    isLeader: () => work.isLeader,
    async close() {
      clearInterval(timer)
      await running?.catch(() => {})
      await deps.lock.close()
    },
  }
}

class SealerWork {
  readonly #deps: SealerDeps
  readonly #log: LogSealer
  readonly #lookBack = new LookBack()
  readonly #metrics: SealerMetrics
  #fault: SealFault | undefined
  #witnesses: readonly WitnessState[] = []
  #reported = { atMark: Number.NEGATIVE_INFINITY, fault: undefined as string | undefined }
  isLeader = false

  constructor(deps: SealerDeps) {
    const { settings, database, registry, cosign } = deps
    this.#deps = deps
    this.#metrics = createSealerMetrics(registry, () => findSealState(database.sql))
    this.#log = new LogSealer({
      sql: database.sql,
      tiles: deps.tiles ?? openTileStore(settings.tiles),
      stateDir: settings.stateDir,
      host: settings.host,
      signers: origin => settings.keys.map(key => createNoteSigner(origin, key)),
      ...(cosign && { cosign }),
    })
  }

  faults(): string[] {
    return this.#fault ? [`the log is not sealed: ${this.#fault.message}`] : []
  }

  async round(): Promise<void> {
    this.isLeader = await this.#deps.lock.hold().catch(error => {
      this.isLeader = false
      throw error
    })
    this.#metrics.leads(this.isLeader)
    if (!this.isLeader) {
      this.#log.forget()
      this.#fault = undefined
      return
    }
    try {
      await this.#seal()
      this.#fault = undefined
    } catch (error) {
      if (!(error instanceof SealFault)) throw error
      if (this.#fault?.code !== error.code)
        this.#deps.logger.fatal({ err: error, fault: error.code }, 'the log is not sealed any more')
      this.#fault = error
      await this.#report()
      throw error
    } finally {
      this.#metrics.refuses(this.#fault?.code)
    }
    await this.#report()
  }

  async #seal(): Promise<void> {
    const { database } = this.#deps
    // An edited entry stays a fault until it is as it was: the step that found it looks there again before anything is signed.
    if (this.#log.log) await this.#lookBack.step(database.sql, this.#log.log)
    const { sealed, size, witnesses } = await this.#log.round()
    if (witnesses) this.#witnesses = witnesses
    this.#metrics.sealed(sealed, size)
  }

  /** Now and then, and at once when something changed. */
  async #report(): Promise<void> {
    const fault = this.#fault?.message
    const mark = performance.now()
    if (fault === this.#reported.fault && mark - this.#reported.atMark < reportEveryMs) return
    const { settings, database } = this.#deps
    const { shard } = await readLogHead(database.sql)
    const origin = this.#log.log?.shard === shard ? this.#log.log.origin : originOf(settings.host, shard)
    const { verifierKey } = createNoteSigner(origin, settings.keys[0]!)
    await reportSealer(database.sql, {
      shard,
      origin,
      verifierKey: formatVerifierKey(verifierKey),
      fault,
      witnesses: this.#deps.witnesses?.() ?? this.#witnesses,
    })
    this.#reported = { atMark: mark, fault }
  }
}

// What follows an erasure, and what is dropped because its time is over. Both are rounds of their own: nothing waits for them.

import type { Logger } from 'pino'
import { Gauge, type Registry } from 'prom-client'
import { openLedger, openLedgerHead } from '#apps/process/erasure-ledger.ts'
import { type KeySettings, openKeyEncryption } from '#apps/process/key-settings.ts'
import { sparingly } from '#apps/process/sparingly.ts'
import { type DroppedBodies, dropOldBodies } from '#core/audit/drop-bodies.ts'
import { readLedger } from '#core/audit/erasure/ledger.ts'
import { type ErasureSweep, sweepErasures } from '#core/audit/erasure/sweep.ts'
import { thinOldCheckpoints } from '#core/audit/thin-checkpoints.ts'
import type { Database } from '#db/connect.ts'
import { erasuresUnderWay } from '#db/erasure/erasures.ts'
import { readClock } from '#db/server/check-server.ts'
import type { WorkerConfig } from '../config.ts'
import { every } from '../every.ts'

export interface Forgetting {
  /** Goes on now with erasures. graceSeconds: in a test, how long a broker may still have had the keys. */
  sweep(graceSeconds?: number): Promise<ErasureSweep>
  /** Drops now what is over. */
  drop(): Promise<DroppedBodies>
  /** Finishes the round under way, then ends. */
  close(): Promise<void>
}

export interface ForgettingDeps {
  readonly config: Pick<WorkerConfig, 'erasureLedger' | 'logState'> & KeySettings
  readonly database: Database
  readonly logger: Logger
  readonly registry: Registry
}

const sweepEveryMs = 5_000
const dropEveryMs = 15 * 60_000

export function startForgetting({ config, database, logger, registry }: ForgettingDeps): Forgetting {
  const { db, sql } = database
  const ledger = openLedger(config)
  const elsewhere = openLedgerHead(config)
  const keyEncryption = openKeyEncryption(config)
  let looked = false
  const thinned = new Map<string, number>()
  const warnOfLedger = sparingly(() =>
    logger.warn('somebody was erased and no ledger is set up: a restored backup would bring it back. Set MAYFLY_ERASURE_LEDGER'),
  )
  tellOfErasures(registry, database)
  const sweep = async (graceSeconds?: number): Promise<ErasureSweep> => {
    // Once: whoever has lost its end is to hear of it before a restore needs it.
    if (ledger && !looked) await readLedger(ledger, elsewhere)
    looked = true
    const done = await sweepErasures(
      { db, ledger, elsewhere, keyEncryption, ...(graceSeconds !== undefined && { graceSeconds }) },
      await readClock(sql),
    )
    if (done.finished > 0) logger.info(done, 'erasures are finished')
    if (done.unledgered > 0) warnOfLedger(undefined)
    return done
  }
  const drop = async (): Promise<DroppedBodies> => {
    const dropped = await dropOldBodies({ db, sql, thinned }, await readClock(sql))
    if (dropped.months.length + dropped.rows > 0) logger.info(dropped, 'bodies of the log whose time is over have gone')
    const checkpoints = await thinOldCheckpoints(sql, await readClock(sql))
    if (checkpoints > 0) logger.info({ checkpoints }, 'checkpoints that nothing needs any more have gone')
    return dropped
  }
  const complain = sparingly(error => logger.error({ err: error }, 'forgetting did not go on; it is tried again'))
  const rounds = [every(sweepEveryMs, () => sweep().catch(complain)), every(dropEveryMs, () => drop().catch(complain))]
  return {
    sweep,
    drop,
    async close() {
      await Promise.all(rounds.map(each => each.close()))
    },
  }
}

function tellOfErasures(registry: Registry, { db }: Database): void {
  new Gauge({
    name: 'mayfly_erasures',
    help: 'Erasures under way: sweeping, and those that no ledger knows of yet. Alarm where either stays above 0 for an hour.',
    labelNames: ['kind'],
    registers: [registry],
    async collect() {
      const rows = await erasuresUnderWay(db, 1_000).catch(() => undefined)
      this.reset()
      if (!rows) return
      this.set({ kind: 'sweeping' }, rows.filter(({ swept }) => !swept).length)
      this.set({ kind: 'unledgered' }, rows.filter(({ ledgered }) => !ledgered).length)
    },
  })
}

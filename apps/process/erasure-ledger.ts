// Where erasures are written down outside the database: MAYFLY_ERASURE_LEDGER, a folder or `s3://bucket/prefix`. It must not lie in what
// the database's backup holds, and must outlive it.

import { type HeadStore, type LedgerStore, readLedger } from '#core/audit/erasure/ledger.ts'
import { replayErasures } from '#core/audit/erasure/replay.ts'
import type { Database } from '#db/connect.ts'
import { readClock } from '#db/server/check-server.ts'
import { type KeySettings, openKeyEncryption } from './key-settings.ts'
import type { Environment } from './read-secret.ts'
import { openDiskStore } from './tiles/disk-store.ts'
import { openTileStore, readTileStoreSettings, type TileStoreSettings } from './tiles/open-tile-store.ts'

export interface LedgerSettings {
  /** Left out: erasures are written down nowhere else, and a restored backup brings back who was erased. */
  readonly erasureLedger?: TileStoreSettings | undefined
}

/** What is wrong is added to `problems`. */
export function readLedgerSettings(env: Environment, problems: string[]): LedgerSettings {
  const own: string[] = []
  const erasureLedger = readTileStoreSettings({ ...env, MAYFLY_LOG_TILES: env['MAYFLY_ERASURE_LEDGER'] }, own)
  problems.push(...own.map(problem => problem.replaceAll('MAYFLY_LOG_TILES', 'MAYFLY_ERASURE_LEDGER')))
  return { erasureLedger }
}

/** Undefined: none is set up. */
export const openLedger = ({ erasureLedger }: LedgerSettings): LedgerStore | undefined =>
  erasureLedger && openTileStore(erasureLedger)

/** Where the process keeps how long the ledger is, beside the log's last checkpoint; undefined: nowhere. */
export const openLedgerHead = ({ logState }: { readonly logState?: string | undefined }): HeadStore | undefined =>
  logState === undefined ? undefined : openDiskStore(logState)

/** For the way back from a backup: forgets again whoever the ledger names; answers how many. Undefined: none is set up. */
export function erasureReplay(
  config: LedgerSettings & KeySettings & { readonly logState?: string | undefined },
): ((database: Database) => Promise<number>) | undefined {
  const store = openLedger(config)
  if (!store) return undefined
  return async ({ db, sql }) => {
    const { entries } = await readLedger(store, openLedgerHead(config))
    return replayErasures({ db, keyEncryption: openKeyEncryption(config) }, entries, await readClock(sql))
  }
}

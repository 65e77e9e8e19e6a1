// What broker and worker look at before they serve anybody: whether the database is fit for the log, and whether it still is the one
// that the log was sealed in. Where it is an earlier one, coming back from that is done first, or nobody is served
// (docs/how-to/restore.md).

import { sql as query } from 'kysely'
import type { Logger } from 'pino'
import { BrokerError } from '#core/errors/broker-error.ts'
import { rotatingUses } from '#core/keys/rotation/rotating-use.ts'
import { beginRestore } from '#core/restore/begin-restore.ts'
import { type FinishedRestore, finishRestore } from '#core/restore/finish-restore.ts'
import { type Database, openDatabase } from '#db/connect.ts'
import { listForks, type SealedHead } from '#db/restore/forks.ts'
import { erasureReplay } from './erasure-ledger.ts'
import { type KeySettings, openKeyEncryption, signingTimesOf } from './key-settings.ts'
import { type Evidence, type EvidencePlaces, findEvidence } from './log-evidence.ts'
import type { RestoreSettings } from './restore-settings.ts'

export interface RestoreGuard extends RestoreSettings, EvidencePlaces, KeySettings {
  readonly databaseUrl: string
  /** Base URL of the deployment; undefined: this process cannot begin anything, only finish it. */
  readonly publicUrl?: string | undefined
}

/** Long enough to hold a million accounts in one transaction. */
const statementTimeoutMs = 15 * 60_000
/** One process at a time comes back from a restore; the others wait and find it done. */
const lock = query`select pg_advisory_xact_lock(7201, 40)`

/**
 * Throws BrokerError `internal` with a hint where the database is an earlier one and this process may not begin anew by itself, and
 * where a checkpoint outside of it cannot be verified.
 * Harmless to call again.
 */
export async function settleRestore(guard: RestoreGuard, logger: Logger): Promise<void> {
  const database = restoreDatabase(guard.databaseUrl)
  try {
    if (!(await needsWork(database, guard, logger))) return
    await underLock(database, async () => {
      const evidence = await findEvidence(database, guard)
      refuseDoubts(evidence)
      if (evidence.verdict !== 'continues') await beginByEvidence(database, guard, evidence, logger)
      await finishOpenForks(database, guard, logger)
    })
  } finally {
    await database.close()
  }
}

/** For work that takes long. */
export const restoreDatabase = (url: string): Database =>
  openDatabase(url, { poolSize: 4, statementTimeoutMs, applicationName: 'mayfly-restore' })

export async function underLock<T>({ db }: Pick<Database, 'db'>, work: () => Promise<T>): Promise<T> {
  return db
    .forTenant(null)
    .transaction()
    .execute(async trx => {
      await lock.execute(trx)
      return work()
    })
}

async function needsWork(database: Database, guard: RestoreGuard, logger: Logger): Promise<boolean> {
  const evidence = await findEvidence(database, guard)
  refuseDoubts(evidence)
  const { head, verdict, unread, unprovenSize } = evidence
  for (const place of unread) logger.error(place)
  if (unprovenSize > 0)
    logger.error(
      { shard: head.shard, sealed: unprovenSize },
      'nothing outside of the database has the last checkpoint of the log any more: a restored backup would go unnoticed until it is sealed again',
    )
  return verdict !== 'continues' || (await listForks(database.db)).some(fork => !fork.finished)
}

/** A checkpoint that cannot be verified may be that of the log which was lost: nobody goes on beside it. */
function refuseDoubts({ doubts }: Evidence): void {
  if (doubts.length === 0) return
  const found = doubts.map(({ what }) => what).join('\n  ')
  throw new BrokerError('internal', {
    hint: `${found}
  Nobody is served. If the database was restored from a backup, or is a new one beside the log of an earlier one, run:
  node deploy/restore.ts begin. If it is the checkpoint of another deployment, give each its own folder and tile store.
  Otherwise find out who wrote it; docs/how-to/restore.md tells more.`,
  })
}

async function beginByEvidence(database: Database, guard: RestoreGuard, evidence: Evidence, logger: Logger): Promise<void> {
  const { head, unknown } = evidence
  const found = describe(evidence)
  if (guard.onRestore === 'refuse' || guard.publicUrl === undefined)
    throw new BrokerError('internal', {
      hint: `${found}\n  Nobody is served. If you have restored a backup, run: node deploy/restore.ts begin`,
    })
  const sealed = sealedOf(evidence)
  const begun = await beginRestore(
    { sql: database.sql, db: database.db, baseUrl: guard.publicUrl },
    { shard: head.shard, sealed, unknown, by: 'evidence' },
  )
  if (begun)
    logger.error(
      { fork: begun.id, from: head.shard, to: begun.toShard, size: head.size, sealed: sealed?.size, unknown, held: begun.held },
      `${found} A new log has begun; every earlier token is dead; accounts, agents and trust sources wait until somebody has looked`,
    )
}

/** The checkpoint of the log that breaks off, where that is what says so. */
export const sealedOf = ({ verdict, sealed }: Evidence): SealedHead | undefined =>
  verdict === 'shorter' || verdict === 'different' ? sealed : undefined

function describe({ verdict, head, sealed, unknown }: Evidence): string {
  if (verdict === 'shorter')
    return `The log in the database has ${head.size} entries, and ${sealed!.size} were sealed: an earlier state was restored.`
  if (verdict === 'different')
    return `The first ${sealed!.size} entries of the log are not those that were sealed: an earlier state was restored, or somebody changed it.`
  return `Another log was sealed (${unknown.map(({ shard }) => shard).join(', ')}) of which the database has never heard: an earlier state was restored, and not for the first time.`
}

/** Does what is left of forks that were begun. Returns what was done for each. */
export async function finishOpenForks(database: Database, guard: RestoreGuard, logger: Logger): Promise<FinishedRestore[]> {
  const replay = erasureReplay(guard)
  const open = (await listForks(database.db)).filter(fork => !fork.finished)
  const done: FinishedRestore[] = []
  const [signing] = rotatingUses(openKeyEncryption(guard), { signing: signingTimesOf(guard) })
  for (const fork of open) {
    const replayErasures = replay && (() => replay(database))
    const finished = await finishRestore({ sql: database.sql, db: database.db, signing: signing!, replayErasures }, fork)
    logger.warn({ fork: fork.id, ...finished }, 'a restore is finished: keys were made, erasures repeated')
    done.push(finished)
  }
  return done
}

// What broker and worker look at before they serve anybody: whether the database is fit for the log, and whether it still is the one
// that the log was sealed in. Where it is an earlier one, coming back from that is done first, or nobody is served
// (docs/how-to/restore.md).

import { createPublicKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql as query } from 'kysely'
import type { Logger } from 'pino'
import { BrokerError } from '#core/errors/broker-error.ts'
import { rotatingUses } from '#core/keys/rotation/rotating-use.ts'
import { beginRestore } from '#core/restore/begin-restore.ts'
import { type FinishedRestore, finishRestore } from '#core/restore/finish-restore.ts'
import { judgeLog, type LogVerdict, rootOfEntries } from '#core/restore/judge-log.ts'
import { parseCheckpoint } from '#core/tlog/checkpoint.ts'
import { openNote, parseNote, parseVerifierKey, verifierKeyOf } from '#core/tlog/note.ts'
import { type Database, openDatabase } from '#db/connect.ts'
import { findSealState, readLeaves, readLogHead } from '#db/log/seal.ts'
import { findRecordedRoot, type LogHead, listForks, type SealedHead } from '#db/restore/forks.ts'
import { erasureReplay } from './erasure-ledger.ts'
import { type KeySettings, openKeyEncryption, signingTimesOf } from './key-settings.ts'
import type { RestoreSettings } from './restore-settings.ts'

export interface RestoreGuard extends RestoreSettings, KeySettings {
  readonly databaseUrl: string
  /** Base URL of the deployment; undefined: this process cannot begin anything, only finish it. */
  readonly publicUrl?: string | undefined
}

/** Long enough to hold a million accounts in one transaction. */
const statementTimeoutMs = 15 * 60_000
/** One process at a time comes back from a restore; the others wait and find it done. */
const lock = query`select pg_advisory_xact_lock(7201, 40)`

/**
 * Throws BrokerError `internal` with a hint where the database is an earlier one and this process may not begin anew by itself.
 * Harmless to call again.
 */
export async function settleRestore(guard: RestoreGuard, logger: Logger): Promise<void> {
  const database = restoreDatabase(guard.databaseUrl)
  try {
    if (!(await needsWork(database, guard))) return
    await underLock(database, async () => {
      const evidence = await findEvidence(database, guard.logState)
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

async function needsWork(database: Database, guard: RestoreGuard): Promise<boolean> {
  if ((await findEvidence(database, guard.logState)).verdict !== 'continues') return true
  return (await listForks(database.db)).some(fork => !fork.finished)
}

export interface Evidence {
  readonly head: LogHead
  readonly sealed: SealedHead | undefined
  readonly verdict: LogVerdict
}

/** What the sealer's last checkpoint says of the database. Throws BrokerError `internal` where it is not signed by the log's key. */
export async function findEvidence({ sql }: Database, logState: string | undefined): Promise<Evidence> {
  const head = await readLogHead(sql)
  const sealed = logState === undefined ? undefined : await findSealed(sql, logState, head.shard)
  const recordedRoot = sealed && (await findRecordedRoot(sql, sealed))
  const rootOf = (size: number) => rootOfEntries(size, (from, limit) => readLeaves(sql, from, limit))
  return { head, sealed, verdict: await judgeLog({ head, sealed, recordedRoot, rootOf }) }
}

async function findSealed(sql: Database['sql'], folder: string, shard: string): Promise<SealedHead | undefined> {
  const file = join(folder, `${shard}.checkpoint`)
  const note = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new BrokerError('internal', {
      hint: `The sealer's last checkpoint cannot be read (${error.code}, ${file}).`,
      cause: error,
    })
  })
  if (note === undefined) return undefined
  const state = await findSealState(sql)
  try {
    if (state === undefined) throw new Error('the database knows no sealer')
    const { origin, size, root } = parseCheckpoint(parseNote(note).text)
    if (!origin.endsWith(`/log/${shard}`)) throw new Error(`it is of ${origin}`)
    // The database may name the key after the shard before this one: it is the same key under another name.
    const { type, publicKey } = parseVerifierKey(state.verifierKey)
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') }
    openNote(note, [verifierKeyOf(origin, type, createPublicKey({ key: jwk, format: 'jwk' }))])
    return { shard, size, root: root.toString('base64') }
  } catch (cause) {
    const hint = `${file} is not a checkpoint that this log's sealer has signed (${(cause as Error).message}). If the database was
  restored from a backup of before its log was first sealed, run: node deploy/restore.ts begin. Otherwise find out who wrote that file.`
    throw new BrokerError('internal', { hint, cause })
  }
}

async function beginByEvidence(
  database: Database,
  guard: RestoreGuard,
  { head, sealed, verdict }: Evidence,
  logger: Logger,
): Promise<void> {
  const found =
    verdict === 'shorter'
      ? `The log in the database has ${head.size} entries, and ${sealed!.size} were sealed: an earlier state was restored.`
      : `The first ${sealed!.size} entries of the log are not those that were sealed: an earlier state was restored, or somebody changed it.`
  if (guard.onRestore === 'refuse' || guard.publicUrl === undefined)
    throw new BrokerError('internal', {
      hint: `${found}\n  Nobody is served. If you have restored a backup, run: node deploy/restore.ts begin`,
    })
  const begun = await beginRestore(
    { sql: database.sql, db: database.db, baseUrl: guard.publicUrl },
    { shard: head.shard, sealed, by: 'evidence' },
  )
  if (begun)
    logger.error(
      { fork: begun.id, from: head.shard, to: begun.toShard, size: head.size, sealed: sealed?.size, held: begun.held },
      `${found} A new log has begun; every earlier token is dead; accounts, agents and trust sources wait until somebody has looked`,
    )
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

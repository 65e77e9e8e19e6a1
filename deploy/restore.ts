// After a backup was restored: what broker and worker do by themselves where a checkpoint outside of the database tells them, by hand.
// Also the way back in for an operator, since the operators' own tokens of before are dead. `help`, below, says how to use it.

import { parseArgs } from 'node:util'
import { readKeySettings } from '#apps/process/key-settings.ts'
import { findEvidence, logsToKnow } from '#apps/process/log-evidence.ts'
import { createLogger } from '#apps/process/logger.ts'
import { type Environment, getSecret } from '#apps/process/read-secret.ts'
import { readRestoreSettings } from '#apps/process/restore-settings.ts'
import { explain } from '#apps/process/run-until-signal.ts'
import { finishOpenForks, type RestoreGuard, restoreDatabase, sealedOf, underLock } from '#apps/process/startup-guard.ts'
import { readTileStoreSettings } from '#apps/process/tiles/open-tile-store.ts'
import { writeSecretFile } from '#apps/standalone/secret-file.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { createOperator } from '#core/operators/operator-tokens.ts'
import { beginRestore } from '#core/restore/begin-restore.ts'
import type { Database } from '#db/connect.ts'
import { checkSchemaVersion } from '#db/migrate.ts'
import { listForks } from '#db/restore/forks.ts'
import { readHeld } from '#db/restore/held.ts'
import { readClock } from '#db/server/check-server.ts'

const operatorSeconds = 24 * 3_600

interface RestoreConfig extends RestoreGuard {
  readonly publicUrl: string
  readonly operatorTokenFile: string | undefined
}

/** Throws BrokerError `internal` whose hint lists every problem, one a line. */
export function readRestoreConfig(env: Environment): RestoreConfig {
  const problems: string[] = []
  const databaseUrl = getSecret(env, 'DATABASE_URL', problems, 'the PostgreSQL URL of the role mayfly_app')
  const publicUrl = (env['MAYFLY_PUBLIC_URL'] ?? '').replace(/\/+$/, '')
  if (!URL.canParse(publicUrl)) problems.push('MAYFLY_PUBLIC_URL is missing: the broker’s URL, after which issuers are called.')
  const keys = readKeySettings(env, problems)
  const restore = readRestoreSettings(env, problems)
  const logTiles = readTileStoreSettings(env, problems)
  if (problems.length > 0)
    throw new BrokerError('internal', { hint: `The configuration is not usable:\n  ${problems.join('\n  ')}` })
  return { ...keys, ...restore, logTiles, databaseUrl, publicUrl, operatorTokenFile: env['OPERATOR_TOKEN_FILE'] || undefined }
}

/** What one command did, for people. */
export type Say = (line: string) => void

/** Leaves the log's shard behind, whatever the evidence says; again: also one that a restore began and that nothing contradicts. */
export async function beginByHand(config: RestoreConfig, again: boolean, say: Say): Promise<void> {
  await using cleanup = new AsyncDisposableStack()
  const database = restoreDatabase(config.databaseUrl)
  cleanup.defer(() => database.close())
  await checkSchemaVersion(database.db)
  await underLock(database, async () => {
    const evidence = await findEvidence(database, config)
    const { head, verdict, doubts, unread } = evidence
    for (const { what } of doubts) say(`${what} It is left behind with the log`)
    for (const place of unread) say(place)
    const forks = await listForks(database.db)
    const before = forks.find(fork => fork.toShard === head.shard)
    if (before && verdict === 'continues' && doubts.length === 0 && !again)
      say(`it was begun at ${before.at.toISOString()}, and nothing speaks of another restore since; --again does it once more`)
    else {
      const begun = await beginRestore(
        { sql: database.sql, db: database.db, baseUrl: config.publicUrl },
        { shard: head.shard, sealed: sealedOf(evidence), unknown: logsToKnow(evidence), by: 'operator' },
      )
      if (begun) say(`the log ${head.shard} is left behind after ${head.size} entries; ${begun.toShard} has begun`)
      if (begun) say(`${begun.held} accounts wait, and every agent and trust source; every earlier token is dead`)
    }
    for (const { keys, erasures } of await finishOpenForks(database, config, createLogger('restore', 'silent')))
      say(`${keys} keys were made; ${erasures === undefined ? 'no erasure ledger is set' : `${erasures} erasures were repeated`}`)
  })
  if (config.operatorTokenFile !== undefined) await leaveOperatorToken(database, config.operatorTokenFile, say)
}

/** Whoever holds the database's password may let an operator in: the tokens of before the restore are dead. */
async function leaveOperatorToken({ db, sql }: Database, file: string, say: Say): Promise<void> {
  const nowMs = await readClock(sql)
  const input = { name: 'after a restore', role: 'platform-admin', tenantId: null, ttlSeconds: operatorSeconds } as const
  const { secret } = await db
    .forTenant(null)
    .transaction()
    .execute(trx => createOperator(trx, undefined, input, nowMs))
  writeSecretFile(file, `${secret}\n`)
  say(`a platform-admin's token, good for a day, is in ${file}; with it make tokens for the tenants' admins`)
}

/** What stands where, as JSON. */
export async function showStatus(config: RestoreConfig): Promise<object> {
  const database = restoreDatabase(config.databaseUrl)
  try {
    const { head, sealed, verdict, unknown, doubts, unread } = await findEvidence(database, config)
    const outside = { sealed: sealed ?? null, verdict, unknown, doubts: doubts.map(({ what }) => what), unread }
    return { log: head, ...outside, forks: await listForks(database.db), held: await readHeld(database.db) }
  } finally {
    await database.close()
  }
}

const help = `After a backup was restored (docs/how-to/restore.md). Broker and worker must not run.

  node deploy/restore.ts begin [--again]   a new log, new keys, new feeds; what may have been revoked waits; erasures are repeated
  node deploy/restore.ts status            what the checkpoints outside say of the database, as JSON

  DATABASE_URL, MAYFLY_PUBLIC_URL, MAYFLY_KEK
                          as the broker's
  MAYFLY_LOG_STATE        folder of the sealer's last checkpoint, if there is one
  MAYFLY_LOG_TILES        as the worker's, if there is one
  MAYFLY_ERASURE_LEDGER   as the worker's, if there is one
  OPERATOR_TOKEN_FILE     where a platform-admin's token goes (0600); left out: none is made
`

/** Exit code 0 when all is done, 1 with what is wrong on stderr, 2 for a word that is not known. */
export async function main(words: readonly string[] = process.argv.slice(2)): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: { again: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  })
  const [command] = positionals
  if (values.help || (command !== 'begin' && command !== 'status')) {
    process.exitCode = values.help ? 0 : 2
    return void process.stdout.write(help)
  }
  try {
    const config = readRestoreConfig(process.env)
    if (command === 'begin') await beginByHand(config, values.again, line => process.stdout.write(`restore: ${line}\n`))
    else process.stdout.write(`${JSON.stringify(await showStatus(config), undefined, 2)}\n`)
  } catch (error) {
    process.stderr.write(`restore: it failed. ${explain(error)}\n`)
    process.exitCode = 1
  }
}

if (import.meta.main) await main()

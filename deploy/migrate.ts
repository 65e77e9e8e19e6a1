// The migration step: the only process that holds rights over the schema. It runs to its end before brokers and workers of a
// new version start, and is harmless to run again. At the very beginning it also leaves the bootstrap token. What it is told
// from outside stands in `help`, below; what a provisioned database has, in `db/provision-roles.ts`.

import { rmSync } from 'node:fs'
import { type Environment, findSecret, getSecret } from '#apps/process/read-secret.ts'
import { explain } from '#apps/process/run-until-signal.ts'
import { writeSecretFile } from '#apps/standalone/secret-file.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { createBootstrapToken } from '#core/operators/bootstrap.ts'
import { openDatabase } from '#db/connect.ts'
import { migrate } from '#db/migrate.ts'
import { migrateQueue } from '#db/migrate-queue.ts'
import { prepareDatabase } from '#db/prepare.ts'
import type { RolePasswords } from '#db/provision-roles.ts'
import { readClock } from '#db/server/check-server.ts'

export type MigrationConfig = {
  /** Where the bootstrap token goes; undefined: none is made. */
  readonly bootstrapTokenFile: string | undefined
} & (
  | {
      readonly kind: 'provision'
      readonly adminUrl: string
      readonly database: string
      readonly passwords: RolePasswords
    }
  | {
      readonly kind: 'provisioned'
      readonly migrateUrl: string
      readonly queueUrl: string
      readonly appUrl: string | undefined
    }
)

/** Throws BrokerError `internal` whose hint lists every problem, one a line. */
export function readMigrationConfig(env: Environment): MigrationConfig {
  const problems: string[] = []
  const get = (name: string): string => getSecret(env, name, problems)
  const bootstrapTokenFile = env['BOOTSTRAP_TOKEN_FILE'] || undefined
  const provisions = Boolean(env['ADMIN_DATABASE_URL'] || env['ADMIN_DATABASE_URL_FILE'])
  const config: MigrationConfig = provisions
    ? {
        kind: 'provision',
        bootstrapTokenFile,
        adminUrl: get('ADMIN_DATABASE_URL'),
        database: env['MAYFLY_DATABASE'] || 'mayfly',
        passwords: { app: get('APP_PASSWORD'), queue: get('QUEUE_PASSWORD'), migrate: get('MIGRATE_PASSWORD') },
      }
    : {
        kind: 'provisioned',
        bootstrapTokenFile,
        migrateUrl: get('MIGRATE_DATABASE_URL'),
        queueUrl: get('QUEUE_DATABASE_URL'),
        appUrl: bootstrapTokenFile ? get('DATABASE_URL') : findSecret(env, 'DATABASE_URL', problems),
      }
  if (!provisions && problems.length > 0) problems.push('Or set ADMIN_DATABASE_URL, to have database and roles made as well.')
  if (problems.length > 0)
    throw new BrokerError('internal', { hint: `The configuration is not usable:\n  ${problems.join('\n  ')}` })
  return config
}

/** Brings the database to this version. `say` hears what was done, a line at a time; no secret is among it. */
export async function runMigrationStep(config: MigrationConfig, say: (line: string) => void): Promise<void> {
  const appUrl = config.kind === 'provision' ? await provision(config) : await migrateProvisioned(config, say)
  say('database, roles and tables are up to date')
  if (config.bootstrapTokenFile !== undefined && appUrl !== undefined)
    await leaveBootstrapToken(appUrl, config.bootstrapTokenFile, say)
}

async function provision(config: MigrationConfig & { kind: 'provision' }): Promise<string> {
  const urls = await prepareDatabase(config.adminUrl, config.database, config.passwords)
  return urls.app
}

async function migrateProvisioned(
  config: MigrationConfig & { kind: 'provisioned' },
  say: (line: string) => void,
): Promise<string | undefined> {
  for (const name of await migrate(config.migrateUrl)) say(`applied ${name}`)
  try {
    await migrateQueue(config.queueUrl)
  } catch (error) {
    if ((error as { code?: string }).code !== '42501') throw error
    // BullMQ says "create schema if not exists", for which PostgreSQL demands this right although the schema exists.
    const hint = `mayfly_queue may not create schemas (${(error as Error).message}). As the database's owner, run:
  grant create on database "${decodeURIComponent(new URL(config.queueUrl).pathname.slice(1))}" to mayfly_queue;
then this step again, and take the right back: revoke create on database … from mayfly_queue;`
    throw new BrokerError('internal', { hint, cause: error })
  }
  return config.appUrl
}

async function leaveBootstrapToken(appUrl: string, file: string, say: (line: string) => void): Promise<void> {
  const { sql, db, close } = openDatabase(appUrl, { poolSize: 2, applicationName: 'mayfly-migrate', connectTimeoutSeconds: 10 })
  try {
    const token = await createBootstrapToken(db, await readClock(sql))
    if (token === undefined) {
      rmSync(file, { force: true })
      return say('there is an operator already, so no bootstrap token was made')
    }
    writeSecretFile(file, `${token}\n`)
    say(`a bootstrap token is in ${file}; it works once, for one hour`)
  } finally {
    await close()
  }
}

const help = `The migration step: brings the database to this version, then exits 0; 1 with what is wrong on stderr. Harmless to repeat.

  node deploy/migrate.ts    settings come from the environment; a secret NAME may also stand in a file, NAME_FILE

  ADMIN_DATABASE_URL        provisions everything, as a superuser or a role that may create roles and databases, with
    MAYFLY_DATABASE         name of the database, default mayfly
    APP_PASSWORD, QUEUE_PASSWORD, MIGRATE_PASSWORD
                            of the roles mayfly_app, mayfly_queue, mayfly_migrate
  MIGRATE_DATABASE_URL, QUEUE_DATABASE_URL
                            else: logins of mayfly_migrate and mayfly_queue where somebody else has provisioned, and
    DATABASE_URL            login of mayfly_app, only for the bootstrap token
  BOOTSTRAP_TOKEN_FILE      where the bootstrap token goes (0600) while there is no operator; left out: none is made
`

/** The step as a program: exit code 0 when all is done, else 1 with what is wrong on stderr. */
export async function main(): Promise<void> {
  if (process.argv.includes('--help')) return void process.stdout.write(help)
  try {
    await runMigrationStep(readMigrationConfig(process.env), line => process.stdout.write(`migration: ${line}\n`))
  } catch (error) {
    process.stderr.write(`The migration step failed. ${explain(error)}\n`)
    process.exitCode = 1
  }
}

if (import.meta.main) await main()

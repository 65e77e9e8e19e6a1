// Migrations are SQL files, applied in the order of their names by Kysely's migrator under its own advisory lock, all in
// one transaction. Nothing is ever rolled back by a down-migration: a mistake is mended by the next file.

import { readdir, readFile } from 'node:fs/promises'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import pg from 'pg'
import { BrokerError } from '#core/errors/broker-error.ts'
import { checkContinues, hashStatements, readApplied, rememberStatements } from './applied.ts'
import type { Executor } from './unscoped-db.ts'

const folder = new URL('./migrations/', import.meta.url)
const tables = { migrationTableSchema: 'migration', migrationTableName: 'applied', migrationLockTableName: 'applied_lock' }

/** A file of ours; its name goes without `.sql`. */
type Known = { readonly name: string; readonly text: string; readonly sha256: string }

async function readFiles(): Promise<Known[]> {
  const names = (await readdir(folder)).filter(name => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async name => {
      const text = await readFile(new URL(name, folder), 'utf8')
      return { name: name.slice(0, -'.sql'.length), text, sha256: hashStatements(text) }
    }),
  )
}

const migrationOf = (known: Known): Migration => ({
  async up(db) {
    await sql.raw(known.text).execute(db)
    await sql`reset role`.execute(db)
    await rememberStatements(db, known)
  },
})

/**
 * Applies what is missing and returns the names of the files applied.
 * `url` logs in as mayfly_migrate (`provision-roles.ts`). Throws the database's own error when a file fails, and as
 * `checkContinues` before anything is applied.
 */
export async function migrate(url: string): Promise<string[]> {
  // pg and not postgres.js: a file holds many statements, and postgres.js prepares each query, which allows one.
  // A file that would change rows of tenants fails, instead of doing it to none (docs/decisions/0021-row-level-security.md).
  const options = '-c row_security=off'
  const pool = new pg.Pool({ connectionString: url, max: 2, application_name: 'mayfly-migrate', options })
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  try {
    const files = await readFiles()
    checkContinues(await readApplied(db), files)
    const migrations = Object.fromEntries(files.map(file => [file.name, migrationOf(file)]))
    const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations }, ...tables })
    const { error, results } = await migrator.migrateToLatest()
    if (error) throw error
    return (results ?? []).map(result => result.migrationName)
  } finally {
    await db.destroy()
  }
}

/**
 * Refuses a database whose schema this program does not know: one that `checkContinues` refuses, or that misses a migration.
 * Throws BrokerError `internal` with a hint that names the next step.
 */
export async function checkSchemaVersion(db: Executor): Promise<void> {
  const [files, applied] = [await readFiles(), await readApplied(db)]
  checkContinues(applied, files)
  const missing = files.slice(applied.length).map(({ name }) => name)
  if (missing.length > 0)
    throw new BrokerError('internal', {
      hint: `The database misses migrations (${missing.join(', ')}). Run the migration step first.`,
    })
}

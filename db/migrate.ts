// Migrations are SQL files, applied in the order of their names by Kysely's migrator under its own advisory lock, all in
// one transaction. Nothing is ever rolled back by a down-migration: a mistake is mended by the next file.

import { readdir, readFile } from 'node:fs/promises'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import pg from 'pg'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { Executor } from './unscoped-db.ts'

const folder = new URL('./migrations/', import.meta.url)
const tables = { migrationTableSchema: 'migration', migrationTableName: 'applied', migrationLockTableName: 'applied_lock' }

async function readMigrations(): Promise<Record<string, Migration>> {
  const names = (await readdir(folder)).filter(name => name.endsWith('.sql')).sort()
  const entries = names.map(async name => {
    const text = await readFile(new URL(name, folder), 'utf8')
    const migration: Migration = {
      async up(db) {
        await sql.raw(text).execute(db)
        await sql`reset role`.execute(db)
      },
    }
    return [name.slice(0, -'.sql'.length), migration] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

/**
 * Applies what is missing and returns the names of the files applied.
 * `url` logs in as mayfly_migrate (`provision-roles.ts`). Throws the database's own error when a file fails.
 */
export async function migrate(url: string): Promise<string[]> {
  // pg and not postgres.js: a file holds many statements, and postgres.js prepares each query, which allows one.
  // A file that would change rows of tenants fails, instead of doing it to none (docs/decisions/0021-row-level-security.md).
  const options = '-c row_security=off'
  const pool = new pg.Pool({ connectionString: url, max: 2, application_name: 'mayfly-migrate', options })
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  try {
    const migrator = new Migrator({ db, provider: { getMigrations: readMigrations }, ...tables })
    const { error, results } = await migrator.migrateToLatest()
    if (error) throw error
    return (results ?? []).map(result => result.migrationName)
  } finally {
    await db.destroy()
  }
}

/**
 * Refuses a database whose schema this program does not know: one that misses a migration, or one migrated by a newer program.
 * Throws BrokerError `internal` with a hint that names the next step.
 */
export async function checkSchemaVersion(db: Executor): Promise<void> {
  const known = Object.keys(await readMigrations())
  const { rows } = await sql<{ name: string }>`select name from migration.applied order by name`.execute(db)
  const applied = new Set(rows.map(row => row.name))
  const missing = known.filter(name => !applied.has(name))
  const newer = [...applied].filter(name => !known.includes(name))
  if (newer.length > 0)
    throw new BrokerError('internal', {
      hint: `The database was migrated by a newer Mayfly (${newer.join(', ')}). Start that version.`,
    })
  if (missing.length > 0)
    throw new BrokerError('internal', {
      hint: `The database misses migrations (${missing.join(', ')}). Run the migration step first.`,
    })
}

// A database of its own for a test file, cloned from a template that the first file of a run prepares. The template's name
// follows from the migrations, so that files in parallel workers share one and a changed migration never meets an old one.

import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import postgres, { type Sql } from 'postgres'
import { inject } from 'vitest'
import { type Database, openDatabase } from '#db/connect.ts'
import { type DatabaseUrls, prepareDatabase, urlFor } from '#db/prepare.ts'
import { checkEvents } from './check-events.ts'

/** Roles belong to the whole server: whoever provisions one in a test gives these. */
export const testPasswords = { app: 'test-app', queue: 'test-queue', migrate: 'test-migrate' } as const

export interface TestDatabase {
  /** As the runtime role, like the broker. */
  readonly database: Database
  /** As superuser inside this database: to look, to set up, to break. */
  readonly admin: Sql
  readonly urls: DatabaseUrls & { readonly admin: string }
  close(): Promise<void>
}

/**
 * Call in `beforeAll`, `close` in `afterAll`. poolSize: of the runtime role's pool. madeUpEvents: its log need not be what the catalogue
 * says.
 */
export async function createTestDatabase(
  options: { readonly poolSize?: number; readonly madeUpEvents?: boolean } = {},
): Promise<TestDatabase> {
  const adminUrl = inject('adminUrl')
  const name = `mayfly_test_${randomBytes(6).toString('hex')}`
  await cloneTemplate(adminUrl, name)
  const adminHere = new URL(adminUrl)
  adminHere.pathname = `/${name}`
  const urls = {
    admin: adminHere.href,
    app: urlFor(adminUrl, name, 'mayfly_app', testPasswords.app),
    queue: urlFor(adminUrl, name, 'mayfly_queue', testPasswords.queue),
    migrate: urlFor(adminUrl, name, 'mayfly_migrate', testPasswords.migrate),
  }
  const database = openDatabase(urls.app, { poolSize: options.poolSize ?? 4 })
  const admin = postgres(urls.admin, { max: 2, onnotice: () => {}, types: { bigint: postgres.BigInt } })
  return {
    database,
    admin,
    urls,
    close: async () => {
      const fault = options.madeUpEvents ? undefined : await checkEvents(admin).catch((error: unknown) => error)
      await Promise.all([database.close(), admin.end({ timeout: 2 })])
      await withServer(adminUrl, server => server`drop database if exists ${server(name)} with (force)`)
      if (fault instanceof Error) throw fault
    },
  }
}

async function cloneTemplate(adminUrl: string, name: string): Promise<void> {
  const template = `mayfly_template_${await hashMigrations()}`
  await withServer(adminUrl, async server => {
    await server`select pg_advisory_lock(7201, 2)`
    const [found] = await server`select datistemplate as ready from pg_database where datname = ${template}`
    if (!found?.['ready']) {
      // A run that ended half-way leaves a database that is no template yet.
      await server`drop database if exists ${server(template)} with (force)`
      await prepareDatabase(adminUrl, template, testPasswords)
      await server`alter database ${server(template)} is_template true`
    }
    await server`create database ${server(name)} template ${server(template)}`
    // Rights on the database itself are not cloned.
    await server`revoke all on database ${server(name)} from public`
    await server`grant connect on database ${server(name)} to mayfly_app, mayfly_queue, mayfly_migrate`
  })
}

async function hashMigrations(): Promise<string> {
  const folder = new URL('../../db/migrations/', import.meta.url)
  const hash = createHash('sha256').update(await readFile(new URL('../../db/provision-roles.ts', import.meta.url)))
  for (const file of (await readdir(folder)).sort()) hash.update(`\0${file}\0`).update(await readFile(new URL(file, folder)))
  return hash.digest('hex').slice(0, 12)
}

/** One connection, closed at the end, which also ends its advisory locks. */
async function withServer<T>(adminUrl: string, work: (server: Sql) => Promise<T>): Promise<T> {
  const server = postgres(adminUrl, { max: 1, onnotice: () => {} })
  try {
    return await work(server)
  } finally {
    await server.end({ timeout: 2 })
  }
}

// From an empty PostgreSQL server to a database that the broker can run on: database, roles, schemas, migrations.

import postgres from 'postgres'
import { migrate } from './migrate.ts'
import { migrateQueue } from './migrate-queue.ts'
import { provisionRoles, type RolePasswords } from './provision-roles.ts'

export interface DatabaseUrls {
  readonly app: string
  readonly queue: string
  readonly migrate: string
}

/** The same server and database under another login. */
export function urlFor(adminUrl: string, database: string, user: string, password: string): string {
  const url = new URL(adminUrl)
  url.pathname = `/${database}`
  url.username = user
  url.password = encodeURIComponent(password)
  return url.href
}

/** Creates the database when it is missing, then roles, schemas and tables. Harmless to call again; returns the URL of each login. */
export async function prepareDatabase(adminUrl: string, database: string, passwords: RolePasswords): Promise<DatabaseUrls> {
  const urls = {
    app: urlFor(adminUrl, database, 'mayfly_app', passwords.app),
    queue: urlFor(adminUrl, database, 'mayfly_queue', passwords.queue),
    migrate: urlFor(adminUrl, database, 'mayfly_migrate', passwords.migrate),
  }
  const server = postgres(adminUrl, { max: 1, onnotice: () => {} })
  try {
    // Roles belong to the whole server and advisory locks to one database: whoever prepares another database waits here.
    await server`select pg_advisory_lock(7201, 3)`
    const [found] = await server`select from pg_database where datname = ${database}`
    if (!found) await server`create database ${server(database)} encoding 'UTF8' template template0`
    await provisionInside(adminUrl, database, passwords)
    // BullMQ says "create schema if not exists", for which PostgreSQL demands the right to create one although it exists.
    await server`grant create on database ${server(database)} to mayfly_queue`
    try {
      await migrateQueue(urls.queue)
    } finally {
      await server`revoke create on database ${server(database)} from mayfly_queue`
    }
  } finally {
    await server.end({ timeout: 2 })
  }
  await migrate(urls.migrate)
  return urls
}

async function provisionInside(adminUrl: string, database: string, passwords: RolePasswords): Promise<void> {
  const admin = new URL(adminUrl)
  admin.pathname = `/${database}`
  const inside = postgres(admin.href, { max: 1, onnotice: () => {} })
  try {
    await provisionRoles(inside, passwords)
  } finally {
    await inside.end({ timeout: 2 })
  }
}

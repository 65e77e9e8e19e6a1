// From an empty PostgreSQL server to a database that the broker can run on: database, roles, schemas, migrations.

import postgres, { type Sql } from 'postgres'
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
  await connected(adminUrl, async server => {
    const [found] = await server`select from pg_database where datname = ${database}`
    if (!found) await server`create database ${server(database)} encoding 'UTF8' template template0`
  })
  const urls = {
    app: urlFor(adminUrl, database, 'mayfly_app', passwords.app),
    queue: urlFor(adminUrl, database, 'mayfly_queue', passwords.queue),
    migrate: urlFor(adminUrl, database, 'mayfly_migrate', passwords.migrate),
  }
  const inside = new URL(adminUrl)
  inside.pathname = `/${database}`
  await connected(inside.href, async admin => {
    await provisionRoles(admin, passwords)
    await migrate(urls.migrate)
    // BullMQ says "create schema if not exists", for which PostgreSQL demands the right to create one although it exists.
    await admin`grant create on database ${admin(database)} to mayfly_queue`
    try {
      await migrateQueue(urls.queue)
    } finally {
      await admin`revoke create on database ${admin(database)} from mayfly_queue`
    }
  })
  return urls
}

async function connected(url: string, work: (sql: Sql) => Promise<void>): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await work(sql)
  } finally {
    await sql.end({ timeout: 2 })
  }
}

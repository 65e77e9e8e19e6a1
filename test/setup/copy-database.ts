// A database as a backup and back: a copy of the whole of it, which takes its place again later.

import postgres from 'postgres'
import { inject } from 'vitest'

const nameOf = (url: string): string => new URL(url).pathname.slice(1)

/** As PostgreSQL copies a database; whoever is connected to either is cut off. What stood under `to` is gone. */
export async function copyDatabase(from: string, to: string): Promise<void> {
  const sql = postgres(inject('adminUrl'), { max: 1, onnotice: () => {} })
  try {
    await sql`alter database ${sql(from)} with allow_connections false`
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname in (${from}, ${to})`
    await sql`drop database if exists ${sql(to)} with (force)`
    await sql`create database ${sql(to)} template ${sql(from)}`
    await sql`grant connect on database ${sql(to)} to mayfly_app, mayfly_queue, mayfly_migrate`
  } finally {
    await sql`alter database ${sql(from)} with allow_connections true`.catch(() => {})
    await sql.end({ timeout: 2 })
  }
}

/** Of the database of this URL: `take` keeps it as it is now, `putBack` brings that back, as often as wanted. */
export function backupOf(url: string): { take(): Promise<void>; putBack(): Promise<void> } {
  const [live, copy] = [nameOf(url), `${nameOf(url)}_backup`]
  return { take: () => copyDatabase(live, copy), putBack: () => copyDatabase(copy, live) }
}

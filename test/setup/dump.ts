// Everything that a database holds, as text: what a dump would say, and the system's catalogs with their samples of values besides.

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Sql } from 'postgres'
import { installedPostgres, majorOf } from './installed-postgres.ts'

/** Each row of each table of every schema as JSON, system catalogs too. admin: a superuser's connection. */
export async function dumpEverything(admin: Sql): Promise<string> {
  const tables = await admin<{ name: string }[]>`
    select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'm') and n.nspname <> 'information_schema' and c.oid::regclass::text not in ('pg_authid', 'pg_auth_members')
     order by 1`
  const parts: string[] = []
  for (const { name } of tables) {
    const rows = await admin.unsafe<{ text: string }[]>(`select t::text as text from ${name} t`)
    parts.push(`-- ${name}`, ...rows.map(({ text }) => text))
  }
  return parts.join('\n')
}

export interface PgDump {
  readonly program: string
  readonly major: number
}

/**
 * A pg_dump that can read this server: the newest that is installed, or that TEST_PG_BIN names, or that stands in PATH. A string: why
 * there is none. admin: a superuser's connection.
 */
export async function findPgDump(admin: Sql): Promise<PgDump | string> {
  const [row] = await admin<[{ server: string }]>`select current_setting('server_version_num') as server`
  const server = Math.floor(Number(row.server) / 10_000)
  const programs = [...installedPostgres().map(folder => join(folder, 'pg_dump')), ...inPath('pg_dump')]
  const found = programs.map(program => ({ program, major: majorOf(program) }))
  const fit = found.find(({ major }) => major >= server)
  const had = found.map(({ program, major }) => `${major} (${program})`).join(', ') || 'none'
  return fit ?? `the server is PostgreSQL ${server}, and there is no pg_dump as new: ${had}. TEST_PG_BIN names the folder of one.`
}

const inPath = (name: string): string[] =>
  (process.env['PATH'] ?? '')
    .split(':')
    .map(folder => join(folder, name))
    .filter(program => existsSync(program))

/** What pg_dump writes. Throws where it fails. */
export const runPgDump = ({ program }: PgDump, url: string): string =>
  execFileSync(program, ['--no-owner', '--inserts', url], { encoding: 'utf8', maxBuffer: 512 * 1024 * 1024, stdio: 'pipe' })

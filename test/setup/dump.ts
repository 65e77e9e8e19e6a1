// Everything that a database holds, as text: what a dump would say, and the system's catalogs with their samples of values besides.

import { execFileSync } from 'node:child_process'
import type { Sql } from 'postgres'

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

/** What pg_dump writes; undefined where there is none, or only one that is older than the server. */
export function pgDump(url: string): string | undefined {
  try {
    return execFileSync('pg_dump', ['--no-owner', '--inserts', url], {
      encoding: 'utf8',
      maxBuffer: 512 * 1024 * 1024,
      stdio: 'pipe',
    })
  } catch {
    return undefined
  }
}

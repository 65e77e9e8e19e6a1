import type { Sql } from 'postgres'

/**
 * What makes this server or this login unfit to keep the log, each as a sentence with what to do; empty when all is well.
 * A log that may forget its last second, or that its own writer may alter, is none.
 */
export async function findServerFaults(sql: Sql): Promise<string[]> {
  const [row] = await sql<
    [
      {
        fsync: string
        synchronous_commit: string
        full_page_writes: string
        version: number
        superuser: boolean
        owns: boolean
        bypasses: boolean
        role: string
      },
    ]
  >`
    select current_setting('fsync') as fsync, current_setting('synchronous_commit') as synchronous_commit,
           current_setting('full_page_writes') as full_page_writes, current_setting('server_version_num')::int as version,
           r.rolsuper as superuser, current_user as role,
           r.rolbypassrls or exists (select from pg_roles x where x.rolname = 'mayfly_across' and pg_has_role(current_user, x.oid, 'member')) as bypasses,
           exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                    where n.nspname in ('log', 'mayfly') and pg_has_role(current_user, c.relowner, 'usage')) as owns
      from pg_roles r where r.rolname = current_user`
  const faults: string[] = []
  if (row.version < 150_000) faults.push('PostgreSQL is older than 15. Upgrade the server.')
  if (row.fsync !== 'on') faults.push('fsync is off, so a power loss can lose tokens from the log. Set fsync = on.')
  if (!['on', 'remote_write', 'remote_apply'].includes(row.synchronous_commit))
    faults.push(`synchronous_commit is ${row.synchronous_commit}, so a crash can lose committed events. Set it to on.`)
  if (row.full_page_writes !== 'on') faults.push('full_page_writes is off, so a torn page can destroy the log. Set it to on.')
  if (row.superuser) faults.push(`${row.role} is a superuser and could alter the log. Connect as mayfly_app.`)
  else if (row.owns) faults.push(`${row.role} owns the tables that it writes and could alter the log. Connect as mayfly_app.`)
  if (row.bypasses && !row.superuser)
    faults.push(
      `${row.role} sees the rows of all tenants at once (BYPASSRLS, or a member of mayfly_across). Connect as mayfly_app.`,
    )
  return faults
}

/** The database's clock, milliseconds since the epoch. */
export async function readClock(sql: Sql): Promise<number> {
  const [row] = await sql<[{ ms: number }]>`select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`
  return row.ms
}

import type { Sql } from 'postgres'

interface ServerState {
  readonly fsync: string
  readonly synchronous_commit: string
  readonly full_page_writes: string
  readonly replication_role: string
  readonly version: number
  readonly role: string
  readonly superuser: boolean
  readonly owns: boolean
  readonly bypasses: boolean
  readonly powerful: string[]
  readonly disabled: string[]
  readonly writable: string[]
}

/**
 * What makes this server or this login unfit to keep the log, each as a sentence with what to do; empty when all is well.
 * A log that may forget its last second, or that its own writer may alter, is none.
 */
export async function findServerFaults(sql: Sql): Promise<string[]> {
  const state = await readServerState(sql)
  return [...durabilityFaults(state), ...roleFaults(state)]
}

/** A role counts as one that the login can become: whether it inherits the other's rights or must ask for them is the same here. */
async function readServerState(sql: Sql): Promise<ServerState> {
  const [row] = await sql<[ServerState]>`
    with me as (select x.oid from pg_roles x where pg_has_role(current_user, x.oid, 'member'))
    select current_setting('fsync') as fsync, current_setting('synchronous_commit') as synchronous_commit,
           current_setting('full_page_writes') as full_page_writes, current_setting('server_version_num')::int as version,
           current_setting('session_replication_role') as replication_role, current_user as role,
           exists (select from me join pg_roles r on r.oid = me.oid where r.rolsuper) as superuser,
           exists (select from me join pg_roles r on r.oid = me.oid where r.rolbypassrls or r.rolname = 'mayfly_across') as bypasses,
           exists (select from me join pg_class c on c.relowner = me.oid join pg_namespace n on n.oid = c.relnamespace
                    where n.nspname in ('log', 'mayfly')) as owns,
           to_json(array(select r.rolname::text from me join pg_roles r on r.oid = me.oid
                  where r.rolname in ('pg_write_all_data', 'pg_write_server_files', 'pg_execute_server_program', 'pg_maintain')
                     or r.rolreplication order by 1)) as powerful,
           to_json(array(select t.tgname || ' on ' || t.tgrelid::regclass from pg_trigger t join pg_class c on c.oid = t.tgrelid
                  where c.relnamespace = 'log'::regnamespace and not t.tgisinternal and t.tgenabled not in ('O', 'A') order by 1)) as disabled,
           to_json(array(select c.oid::regclass::text from pg_class c
                  where c.relnamespace = 'log'::regnamespace and c.relkind in ('r', 'p')
                    and has_table_privilege(c.oid, 'update, delete, truncate, trigger') order by 1)) as writable`
  return row
}

function durabilityFaults(state: ServerState): string[] {
  const faults: string[] = []
  if (state.version < 150_000) faults.push('PostgreSQL is older than 15. Upgrade the server.')
  if (state.fsync !== 'on') faults.push('fsync is off, so a power loss can lose tokens from the log. Set fsync = on.')
  if (!['on', 'remote_apply'].includes(state.synchronous_commit))
    faults.push(`synchronous_commit is ${state.synchronous_commit}, so a crash can lose committed events. Set it to on.`)
  if (state.full_page_writes !== 'on') faults.push('full_page_writes is off, so a torn page can destroy the log. Set it to on.')
  if (state.replication_role !== 'origin')
    faults.push(
      `session_replication_role is ${state.replication_role}, so the triggers that guard the log do not fire. Set it to origin.`,
    )
  if (state.disabled.length > 0)
    faults.push(
      `Triggers that guard the log are switched off: ${state.disabled.join(', ')}. Find out who did it, and alter table … enable trigger.`,
    )
  return faults
}

function roleFaults({ role, superuser, owns, bypasses, powerful, writable }: ServerState): string[] {
  if (superuser) return [`${role} is a superuser and could alter the log. Connect as mayfly_app.`]
  const faults: string[] = []
  if (owns) faults.push(`${role} owns the tables that it writes and could alter the log. Connect as mayfly_app.`)
  else if (writable.length > 0)
    faults.push(`${role} may change ${writable.join(', ')}. Revoke that, and find out who granted it.`)
  if (bypasses)
    faults.push(`${role} sees the rows of all tenants at once (BYPASSRLS, or a member of mayfly_across). Connect as mayfly_app.`)
  if (powerful.length > 0)
    faults.push(
      `${role} can reach the log past its tables (${powerful.join(', ')}). Connect as mayfly_app, which has no such right.`,
    )
  return faults
}

/** The database's clock, milliseconds since the epoch. */
export async function readClock(sql: Sql): Promise<number> {
  const [row] = await sql<[{ ms: number }]>`select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`
  return row.ms
}

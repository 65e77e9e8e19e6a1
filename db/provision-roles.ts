// Roles. What owns tables cannot log in; what logs in owns nothing. So the running broker cannot alter the log even if its
// own connection is taken over.
//
//   mayfly_owner   owns the registry and the accounts             no login
//   mayfly_log     owns the log and the function that appends      no login
//   mayfly_across  owns the functions that look across tenants     no login
//   mayfly_app     broker and worker at run time                   login, owns nothing
//   mayfly_queue   owns BullMQ's schema                            login
//   mayfly_migrate may become the owners; used by the migration step only

import type { Sql, TransactionSql } from 'postgres'

export interface RolePasswords {
  readonly app: string
  readonly queue: string
  readonly migrate: string
}

const login = ['app', 'queue', 'migrate'] as const

/**
 * Creates or updates roles and schemas in the database that `admin` is connected to. Harmless to call again.
 * `admin` needs CREATEROLE and ownership of the database (or superuser).
 */
export async function provisionRoles(admin: Sql, passwords: RolePasswords): Promise<void> {
  await admin.begin(async tx => {
    await tx`select pg_advisory_xact_lock(7201, 1)`
    for (const role of ['mayfly_owner', 'mayfly_log', 'mayfly_across']) await createRole(tx, role, 'nologin')
    for (const name of login) await createRole(tx, `mayfly_${name}`, 'login', passwords[name])
    await tx`grant mayfly_owner, mayfly_log, mayfly_across to mayfly_migrate`
    const [{ database }] = await tx<[{ database: string }]>`select current_database() as database`
    await tx`revoke all on database ${tx(database)} from public`
    await tx`grant connect on database ${tx(database)} to mayfly_app, mayfly_queue, mayfly_migrate`
    await tx`revoke create on schema public from public`
    await tx`grant mayfly_owner, mayfly_log, mayfly_across, mayfly_queue, mayfly_migrate to current_user`
    await tx`create schema if not exists mayfly authorization mayfly_owner`
    await tx`create schema if not exists log authorization mayfly_log`
    await tx`create schema if not exists across authorization mayfly_across`
    await tx`create schema if not exists queue authorization mayfly_queue`
    await tx`create schema if not exists migration authorization mayfly_migrate`
    await tx`grant usage on schema mayfly, log, across, migration to mayfly_app`
    await tx`grant usage on schema mayfly to mayfly_across`
    // Whatever is made there can be called by the runtime role and by nobody else (docs/decisions/0021-row-level-security.md).
    await tx`alter default privileges for role mayfly_across revoke execute on functions from public`
    await tx`alter default privileges for role mayfly_across in schema across grant execute on functions to mayfly_app`
    await tx`alter default privileges for role mayfly_migrate in schema migration grant select on tables to mayfly_app`
  })
}

async function createRole(tx: TransactionSql, name: string, kind: 'login' | 'nologin', password?: string): Promise<void> {
  const [found] = await tx`select from pg_roles where rolname = ${name}`
  if (!found) await tx.unsafe(`create role ${name} ${kind} nosuperuser nocreatedb nocreaterole noinherit`)
  if (password !== undefined) await tx.unsafe(`alter role ${name} password '${password.replaceAll("'", "''")}'`)
}

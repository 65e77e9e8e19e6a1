// A role and a schema of its own in somebody else's PostgreSQL, for one attachment. Every function comes to the same end from
// whatever an interrupted call left. The role's name changes with each credential, `<name>_<rotation>`; the schema keeps its.
//
// The connector's own login needs CREATEROLE and CREATE on the database, no more; it becomes a member of what it makes, which
// is what allows it to end sessions and drop objects.

import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'

export type OutsideClient = Pick<pg.Client, 'query'>

export interface OutsideRole {
  /** Schema, and first part of the role's name: letters, digits and underscores. */
  readonly name: string
  readonly rotation: number
  /** RFC 5803; null: it proves itself otherwise (a certificate). */
  readonly verifier: string | null
  /** Seconds since the epoch; Infinity: none. */
  readonly deadlineSeconds: number
  readonly connectionLimit: number
  /** Roles whose rights it has, and nothing else beside its schema. */
  readonly memberOf: readonly string[]
}

const id = pg.escapeIdentifier
const text = pg.escapeLiteral
const nameOf = (role: Pick<OutsideRole, 'name' | 'rotation'>): string => `${role.name}_${role.rotation}`
const until = (deadlineSeconds: number): string =>
  text(Number.isFinite(deadlineSeconds) ? new Date(deadlineSeconds * 1000).toISOString() : 'infinity')

/**
 * The session finds PostgreSQL's own functions and operators only: what somebody has put into `public` under such a name would else
 * run with the connector's rights (CVE-2018-1058). To be called first.
 */
export async function trustNothingOutside(client: OutsideClient): Promise<void> {
  await client.query("select pg_catalog.set_config('search_path', 'pg_catalog', false)")
}

/** Whether it is a database in which Mayfly keeps its own state, by whatever way it was reached. */
export async function isOwnDatabase(client: OutsideClient): Promise<boolean> {
  const { rows } = await client.query<{ own: boolean }>(
    `select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where (n.nspname, c.relname) in (('mayfly', 'account'), ('log', 'entry'))) as own`,
  )
  return rows[0]!.own
}

/** Makes role and schema, or completes them, with this credential and no other. */
export async function createOutsideRole(client: OutsideClient, role: OutsideRole): Promise<void> {
  await inTransaction(client, async () => {
    await holdName(client, role.name)
    const [existing] = await rolesOf(client, role.name)
    if (existing === undefined) await client.query(`create role ${id(nameOf(role))} nologin`)
    else if (existing.name !== nameOf(role)) await client.query(`alter role ${id(existing.name)} rename to ${id(nameOf(role))}`)
    await joinRole(client, nameOf(role))
    await client.query(`create schema if not exists ${id(role.name)} authorization ${id(nameOf(role))}`)
    await client.query(`alter role ${id(nameOf(role))} set search_path = ${id(role.name)}`)
    for (const member of role.memberOf) await client.query(`grant ${id(member)} to ${id(nameOf(role))}`)
    await admit(client, role)
  })
}

/** Ends all earlier access and lets in whoever has this credential. The role must be there. */
export async function renewOutsideRole(client: OutsideClient, role: OutsideRole): Promise<boolean> {
  if ((await lockOutsideRole(client, role.name)) === undefined) return false
  await inTransaction(client, async () => {
    await holdName(client, role.name)
    const [existing] = await rolesOf(client, role.name)
    if (existing && existing.name !== nameOf(role))
      await client.query(`alter role ${id(existing.name)} rename to ${id(nameOf(role))}`)
    await admit(client, role)
  })
  return true
}

/** Nobody can sign in as it any more, and no session of it is left. The number of sessions ended; undefined: no such role. */
export async function lockOutsideRole(client: OutsideClient, name: string): Promise<number | undefined> {
  const roles = await rolesOf(client, name)
  if (roles.length === 0) return undefined
  for (const role of roles) await client.query(`alter role ${id(role.name)} nologin password null`)
  let ended = 0
  for (const role of roles) ended += await endSessions(client, role.oid)
  return ended
}

/** Where the credential itself has an end, moves it. */
export async function extendOutsideRole(client: OutsideClient, name: string, deadlineSeconds: number): Promise<void> {
  for (const role of await rolesOf(client, name))
    await client.query(`alter role ${id(role.name)} valid until ${until(deadlineSeconds)}`)
}

export interface DroppedRole {
  readonly sessions: number
  readonly relations: number
  readonly bytes: number
  readonly schemas: number
  readonly roles: number
}

/** Drops role and schema with all that is in it and all that the role owns in this database. Throws while something holds on to it. */
export async function dropOutsideRole(client: OutsideClient, name: string): Promise<DroppedRole> {
  const sessions = (await lockOutsideRole(client, name)) ?? 0
  const roles = await rolesOf(client, name)
  return inTransaction(client, async () => {
    await holdName(client, name)
    const { rows } = await client.query<{ schemas: number; relations: number; bytes: string }>(
      `select count(distinct n.oid)::int as schemas, count(c.oid)::int as relations,
              coalesce(sum(pg_total_relation_size(c.oid)), 0)::text as bytes
         from pg_namespace n left join pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'm', 'p')
        where n.nspname = $1`,
      [name],
    )
    await client.query(`drop schema if exists ${id(name)} cascade`)
    for (const role of roles) {
      await joinRole(client, role.name)
      await client.query(`drop owned by ${id(role.name)} cascade`)
      await client.query(`drop role ${id(role.name)}`)
    }
    const { schemas, relations, bytes } = rows[0]!
    return { sessions, schemas, relations, bytes: Number(bytes), roles: roles.length }
  })
}

/** Sets the credential last: until then nobody can sign in. */
async function admit(client: OutsideClient, role: OutsideRole): Promise<void> {
  const password = role.verifier === null ? 'null' : text(role.verifier)
  await client.query(
    `alter role ${id(nameOf(role))} login password ${password} connection limit ${role.connectionLimit} valid until ${until(role.deadlineSeconds)}`,
  )
}

/** Without it a login with CREATEROLE could make the role, but neither end its sessions nor drop what it owns. */
async function joinRole(client: OutsideClient, name: string): Promise<void> {
  const { rows } = await client.query<{ needed: boolean }>(
    `select not rolsuper and not pg_has_role(current_user, $1, 'usage') as needed from pg_roles where rolname = current_user`,
    [name],
  )
  if (rows[0]?.needed) await client.query(`grant ${id(name)} to current_user`)
}

/** Two who work on one attachment wait for each other here. */
const holdName = (client: OutsideClient, name: string) =>
  client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [name])

async function rolesOf(client: OutsideClient, name: string): Promise<{ oid: number; name: string }[]> {
  const { rows } = await client.query<{ oid: number; name: string }>(
    `select oid, rolname as name from pg_roles where rolname ~ ('^' || $1 || '_[0-9]+$') order by oid`,
    [name],
  )
  return rows
}

const endingAttempts = 40

/** Until none is left: one may have been signing in while it still could. */
async function endSessions(client: OutsideClient, oid: number): Promise<number> {
  let ended = 0
  for (let attempt = 0; attempt < endingAttempts; attempt++) {
    const { rows } = await client.query<{ ended: boolean }>(
      'select pg_terminate_backend(pid) as ended from pg_stat_activity where usesysid = $1',
      [oid],
    )
    if (rows.length === 0) return ended
    if (attempt === 0) ended = rows.length
    await delay(50)
  }
  throw new Error('sessions of the role do not end')
}

async function inTransaction<T>(client: OutsideClient, work: () => Promise<T>): Promise<T> {
  await client.query('begin')
  try {
    const result = await work()
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw error
  }
}

// What no login can do to the log, table by table. The tables come from the catalog, so one that a later migration makes is
// attacked as those before it, and has to say whether it is a record or a working table.

import postgres, { type Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findServerFaults } from '#db/server/check-server.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

interface LogTable {
  readonly name: string
  readonly column: string
  readonly owner: string
  readonly refuses: readonly string[]
}

const logins = ['app', 'queue', 'migrate'] as const
type Login = (typeof logins)[number]
const notAllowed = '42501'

/** Nothing is in them once a transaction has ended: who writes a row hands it to a trigger. */
const mayBeInsertedInto: Readonly<Record<Login, readonly string[]>> = {
  app: ['log.pending', 'log.pending_revocation'],
  queue: [],
  migrate: [],
}

let db: TestDatabase
let tables: LogTable[]
const connections = new Map<Login, Sql>()

beforeAll(async () => {
  db = await createTestDatabase()
  for (const login of logins) connections.set(login, postgres(db.urls[login], { max: 1, onnotice: () => {} }))
  tables = await readLogTables(db.admin)
})
afterAll(async () => {
  await Promise.all([...connections.values()].map(sql => sql.end({ timeout: 2 })))
  await db.close()
})

/** refuses: of 'update', 'delete', 'truncate' what a trigger stops whoever tries it, enabled and for the whole table. */
function readLogTables(sql: Sql): Promise<LogTable[]> {
  return sql<LogTable[]>`
    select c.oid::regclass::text as name, pg_get_userbyid(c.relowner) as owner,
           (select quote_ident(a.attname) from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attidentity = '' and a.attgenerated = ''
             order by a.attnum limit 1) as column,
           array(select w.what from (values ('update', 16), ('delete', 8), ('truncate', 32)) w(what, bit)
                  where exists (select from pg_trigger t join pg_proc p on p.oid = t.tgfoid
                                 where t.tgrelid = c.oid and t.tgenabled in ('O', 'A') and p.oid = 'log.refuse_change()'::regprocedure
                                   and t.tgtype & w.bit <> 0 and t.tgtype & 2 <> 0 and t.tgqual is null)) as refuses
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'log' and c.relkind in ('r', 'p', 'f', 'm', 'v') order by 1`
}

/** SQLSTATE of the refusal, or undefined when the statement went through; nothing of it stays. */
async function attempt(login: Login, statement: string): Promise<string | undefined> {
  const undo = new Error('undo')
  try {
    await connections.get(login)!.begin(async trx => {
      await trx.unsafe(statement)
      throw undo
    })
  } catch (error) {
    return error === undo ? undefined : ((error as { code?: string }).code ?? String(error))
  }
  return undefined
}

describe.each(logins)('the login mayfly_%s', login => {
  test('44: can update, delete from, truncate, and write into no table of the log, whichever there are', async () => {
    for (const { name, column } of tables) {
      for (const statement of [`update ${name} set ${column} = ${column}`, `delete from ${name}`, `truncate ${name}`])
        expect.soft(await attempt(login, statement), statement).toBe(notAllowed)
      if (!mayBeInsertedInto[login].includes(name))
        expect.soft(await attempt(login, `insert into ${name} default values`), `insert into ${name}`).toBe(notAllowed)
    }
  })

  test('can switch off, replace, add to or take away nothing that guards a table of the log', async () => {
    // A right that one has not to give is no error: then nothing was given.
    for (const { name } of tables)
      for (const statement of [
        `alter table ${name} disable trigger all`,
        `alter table ${name} disable row level security`,
        `alter table ${name} owner to mayfly_${login}`,
        `create trigger hole before insert on ${name} for each row execute function suppress_redundant_updates_trigger()`,
        `create rule hole as on insert to ${name} do instead nothing`,
        `create policy hole on ${name} using (true)`,
        `drop table ${name} cascade`,
        `grant all on ${name} to mayfly_${login}`,
      ])
        expect.soft(await refusedOrWithoutEffect(login, statement, name), statement).toBe(true)
  })

  test('cannot go round: other roles, other triggers, files of the server, the schema itself', async () => {
    for (const statement of [
      "set local session_replication_role = 'replica'",
      "select set_config('session_replication_role', 'replica', true)",
      'create table log.mine (x int)',
      'create schema log2',
      'drop schema log cascade',
      'drop function log.append cascade',
      'alter function log.refuse_change() owner to current_user',
      "copy (select 1) to program 'true'",
      'create role mayfly_hole',
      'alter system set fsync = off',
      'create event trigger hole on ddl_command_end execute function log.refuse_change()',
    ])
      expect.soft(await attempt(login, statement), statement).not.toBeUndefined()
  })
})

async function refusedOrWithoutEffect(login: Login, statement: string, table: string): Promise<boolean> {
  const code = await attempt(login, statement)
  if (code !== undefined) return true
  const [row] = await db.admin<{ has: boolean }[]>`
    select has_table_privilege(${`mayfly_${login}`}, ${table}, 'update, delete, truncate, trigger') as has`
  return statement.startsWith('grant') && row?.has === false
}

test('only the migration step can become an owner: the logins of running processes belong to no other role', async () => {
  const rows = await db.admin<{ member: string; role: string }[]>`
    select m.rolname as member, r.rolname as role from pg_auth_members a
      join pg_roles m on m.oid = a.member join pg_roles r on r.oid = a.roleid where m.rolname in ('mayfly_app', 'mayfly_queue')`
  expect(rows).toEqual([])
  for (const login of ['app', 'queue'] as const)
    for (const role of ['mayfly_log', 'mayfly_owner', 'mayfly_across', 'mayfly_migrate'])
      expect(await attempt(login, `set local role ${role}`), `${login} as ${role}`).toBe(notAllowed)
})

test('everything in schema log belongs to mayfly_log, which cannot log in', async () => {
  const foreign = await db.admin`
    select c.relname as name, pg_get_userbyid(c.relowner) as owner from pg_class c
     where c.relnamespace = 'log'::regnamespace and c.relowner <> 'mayfly_log'::regrole
    union all
    select p.proname, pg_get_userbyid(p.proowner) from pg_proc p
     where p.pronamespace = 'log'::regnamespace and p.proowner <> 'mayfly_log'::regrole`
  expect(foreign).toEqual([])
})

// What may be changed by functions of the log's owner, and why that hides nothing. Whatever is not here is a record, and
// its triggers refuse each change, also the owner's.
const workingTables: Readonly<Record<string, string>> = {
  'log.head': 'one row, the size; it only grows, as triggers of its own see to',
  'log.checkpoint': 'of hours that are long over all but the last one goes, row by row, as a trigger of its own lets it',
  'log.event_cursor': 'how far the projection has come; it only grows, as a trigger of its own sees to',
  'log.event_slot': 'which positions belong to which time: made anew from the log like all of the projection',
  'log.event_stretch': 'the same of half a day',
  'log.pending': 'empty between transactions',
  'log.sealer': 'one row, how far the log is sealed; it only grows, as triggers of its own see to',
  'log.pending_revocation': 'empty between transactions',
  'log.transition': 'the table of legal transitions, written by migrations',
}

test('each table of the log refuses every change by whomever, or stands in the list of working tables', () => {
  const isWorking = (name: string): boolean =>
    Object.keys(workingTables).some(known => name === known || name.startsWith(`${known}_`))
  const open = tables.filter(table => table.refuses.length < 3 && !isWorking(table.name))
  expect(open.map(({ name, refuses }) => ({ name, refuses }))).toEqual([])
})

test('nobody but whom it is meant for may call a function of the log, and what runs with its rights pins its search path', async () => {
  const loose = await db.admin`
    select p.oid::regprocedure::text as function from pg_proc p
     where p.pronamespace = 'log'::regnamespace and p.prosecdef
       and not exists (select from unnest(p.proconfig) c where c in ('search_path=pg_catalog, pg_temp', 'search_path=""'))`
  expect(loose).toEqual([])
  const open = await db.admin`
    select p.oid::regprocedure::text as function from pg_proc p
     where p.pronamespace in ('log'::regnamespace, 'across'::regnamespace) and p.prorettype <> 'trigger'::regtype
       and (has_function_privilege('mayfly_queue', p.oid, 'execute') and has_schema_privilege('mayfly_queue', p.pronamespace, 'usage'))`
  expect(open).toEqual([])
})

describe('a process does not start', () => {
  const faultsOf = (sql: Sql): Promise<string[]> => findServerFaults(sql)

  test('as a login that could become an owner of the log, though it owns nothing by itself', async () => {
    await db.admin`grant mayfly_log to mayfly_app with inherit false`.catch(() => db.admin`grant mayfly_log to mayfly_app`)
    try {
      expect(await faultsOf(connections.get('app')!)).toContainEqual(expect.stringContaining('could alter the log'))
    } finally {
      await db.admin`revoke mayfly_log from mayfly_app`
    }
  })

  test('where a trigger that keeps the log append-only is switched off', async () => {
    await db.admin`alter table log.entry disable trigger entry_append_only`
    try {
      expect(await faultsOf(connections.get('app')!)).toContainEqual(expect.stringContaining('entry_append_only'))
    } finally {
      await db.admin`alter table log.entry enable trigger entry_append_only`
    }
  })

  test('as a login that was given the right to change a table of the log', async () => {
    await db.admin`grant update on log.entry to mayfly_app`
    try {
      expect(await faultsOf(connections.get('app')!)).toContainEqual(expect.stringContaining('log.entry'))
    } finally {
      await db.admin`revoke update on log.entry from mayfly_app`
    }
  })

  test('as a superuser', async () => {
    expect(await faultsOf(db.admin)).toContainEqual(expect.stringContaining('superuser'))
  })

  test.each([
    ['synchronous_commit', 'off'],
    ['synchronous_commit', 'local'],
    ['synchronous_commit', 'remote_write'],
    ['session_replication_role', 'replica'],
  ])('with %s = %s', async (setting, value) => {
    const sql = postgres(db.urls.admin, { max: 1, onnotice: () => {}, connection: { [setting]: value } })
    try {
      expect(await faultsOf(sql)).toContainEqual(expect.stringContaining(setting))
    } finally {
      await sql.end({ timeout: 2 })
    }
  })

  test('and has nothing to complain of as it is set up', async () => {
    expect(await faultsOf(connections.get('app')!)).toEqual([])
  })
})

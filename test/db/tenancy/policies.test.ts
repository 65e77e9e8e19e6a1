// Read from the catalog, so that no table and no function that comes later is forgotten.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findServerFaults } from '#db/server/check-server.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.close())

/** What a table without a tenant may be: nothing in it is a tenant's to hide. */
const ofNoTenant: Readonly<Record<string, string>> = {
  'mayfly.tenant': 'is the tenant itself, and has policies of its own',
  'mayfly.ceiling': 'permissions by content; who has an id got it from its own account',
  'mayfly.subject_pin': 'hashes',
  'mayfly.consumed_nonce': 'hashes, by a random id',
  'mayfly.key_rewrap': 'one row, of the deployment',
  'mayfly.usage_cursor': 'one row, a position',
  'mayfly.audit_sink': 'of the deployment: where its own copy of the log has come to',
}

/** What passes through to the log, and what whoever makes a tenant begins for it. */
const ofTheirOwn: Readonly<Record<string, string>> = {
  'log.pending': 'append,move',
  'log.pending_revocation': 'append,move',
  'mayfly.feed': 'across,begin,tenant',
}

const tables = () => db.admin<{ name: string; forced: boolean; scoped: boolean; policies: string[] }[]>`
  select c.oid::regclass::text as name, c.relrowsecurity and c.relforcerowsecurity as forced,
         exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped) as scoped,
         array(select p.polname::text from pg_policy p where p.polrelid = c.oid order by 1) as policies
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname in ('mayfly', 'log', 'across') and c.relkind in ('r', 'p', 'v', 'm') order by 1`

describe('every table', () => {
  test('with a tenant_id has row-level security, forced, and the policies of its schema', async () => {
    const scoped = (await tables()).filter(table => table.scoped || table.name === 'mayfly.tenant')
    expect(scoped.length).toBeGreaterThan(20)
    const lacking = scoped.filter(({ name, forced, policies }) => {
      const wanted = ofTheirOwn[name] ?? 'across,tenant'
      return !forced || policies.join() !== wanted
    })
    expect(lacking.map(({ name }) => `select mayfly.keep_tenants_apart('${name}');`)).toEqual([])
  })

  test('without one holds nothing of a tenant, or is the log, which is read by functions alone', async () => {
    const rest = (await tables()).filter(({ name, scoped }) => !scoped && !name.startsWith('log.')).map(({ name }) => name)
    expect(rest.sort()).toEqual(Object.keys(ofNoTenant).sort())
    const granted = await db.admin<{ name: string }[]>`
      select distinct table_schema || '.' || table_name as name from information_schema.role_table_grants
       where grantee in ('mayfly_app', 'PUBLIC') and table_schema = 'log' and privilege_type <> 'INSERT' order by 1`
    // Sizes, roots and states of the log itself; nothing that an entry says.
    const ofTheLog = [
      'log.checkpoint',
      'log.checkpoint_disowned',
      'log.fork',
      'log.fork_finished',
      'log.fork_unknown',
      'log.head',
      'log.sealer',
      'log.signer',
      'log.transition',
    ]
    expect(granted.map(({ name }) => name)).toEqual(ofTheLog)
  })

  test('shows the runtime role the rows of the named tenant and no others, by one expression', async () => {
    const rows = await db.admin<{ expression: string }[]>`
      select distinct replace(pg_get_expr(p.polqual, p.polrelid), ' ', '') as expression from pg_policy p
       where p.polname = 'tenant' and p.polrelid <> 'mayfly.tenant'::regclass
         and p.polcmd = '*' and p.polpermissive and pg_get_expr(p.polqual, p.polrelid) = pg_get_expr(p.polwithcheck, p.polrelid)
         and p.polroles = array['mayfly_app'::regrole::oid] order by 1`
    const [{ count }] = await db.admin<[{ count: number }]>`select count(*)::int from pg_policy where polname = 'tenant'`
    const mine = '(tenant_id=mayfly.tenant_in_force())'
    const nil = `'00000000-0000-0000-0000-000000000000'::uuid`
    expect(rows.map(({ expression }) => expression)).toEqual([
      `(${mine}OR((tenant_idISNULL)AND(mayfly.tenant_in_force()=${nil})))`,
      mine,
    ])
    expect(count).toBeGreaterThan(20)
  })
})

describe('every function that runs with the rights of its owner', () => {
  interface Definer {
    readonly name: string
    readonly owner: string
    readonly path: string | null
    readonly strangers: string | null
  }
  const definers = () => db.admin<Definer[]>`
    select p.oid::regprocedure::text as name, pg_get_userbyid(p.proowner) as owner,
           (select c from unnest(p.proconfig) c where c like 'search_path=%') as path,
           (select string_agg(case a.grantee when 0 then 'public' else pg_get_userbyid(a.grantee) end, ', ')
              from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
             where a.grantee not in (p.proowner, 'mayfly_app'::regrole)) as strangers
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where p.prosecdef and n.nspname not in ('pg_catalog', 'information_schema') order by 1`

  test('belongs to a role that only owns functions and the log, looks names up nowhere but in the catalog, and is nobody else’s', async () => {
    const found = await definers()
    expect(found.length).toBeGreaterThan(20)
    const wrong = found.filter(
      ({ name, owner, path, strangers }) =>
        !(
          ((owner === 'mayfly_across' && name.startsWith('across.')) || (owner === 'mayfly_log' && name.startsWith('log.'))) &&
          path === 'search_path=pg_catalog, pg_temp' &&
          strangers === null
        ),
    )
    expect(wrong).toEqual([])
  })

  test('stands in its schema, so that a call can be told by its name', async () => {
    const others = await db.admin<{ name: string }[]>`
      select p.oid::regprocedure::text as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
       where n.nspname = 'across' and not p.prosecdef order by 1`
    // Called by the others, and by nobody else.
    expect(others.map(({ name }) => name)).toEqual([
      'across.check_erasure_event(mayfly.erasure,text,text)',
      'across.check_sealed(text,text)',
    ])
  })
})

describe('a role', () => {
  test('that sees all tenants cannot log in, and none bypasses the policies', async () => {
    const roles = await db.admin`
      select rolname as name from pg_roles where rolname like 'mayfly%' and (rolbypassrls or rolsuper or
        (rolcanlogin and rolname <> 'mayfly_migrate' and pg_has_role(oid, 'mayfly_across', 'member')))`
    expect(roles).toEqual([])
  })

  test('that bypasses them is refused at the start', async () => {
    expect(await findServerFaults(db.database.sql)).toEqual([])
    await db.admin`alter role mayfly_queue bypassrls`
    try {
      const queue = postgres(db.urls.queue, { max: 1 })
      expect(await findServerFaults(queue)).toContainEqual(expect.stringContaining('sees the rows of all tenants'))
      await queue.end()
    } finally {
      await db.admin`alter role mayfly_queue nobypassrls`
    }
  })
})

describe('the tenant', () => {
  test('is named in two files of the product and nowhere else, always for one transaction only', () => {
    const root = join(import.meta.dirname, '../../..')
    const naming = ['db', 'core', 'apps'].flatMap(folder =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter(file => file.endsWith('.ts') && !file.includes('node_modules'))
        .map(file => join(folder, file))
        .filter(
          file =>
            /mayfly\.tenant['" ]*(=|,|')/.test(readFileSync(join(root, file), 'utf8')) &&
            /set_config|set local|set session|set mayfly/.test(readFileSync(join(root, file), 'utf8')),
        ),
    )
    expect(naming.sort()).toEqual(['db/tenant-driver.ts', 'db/with-tenant.ts'])
  })

  test('changes rows in a migration only after the force was taken off, else the migration fails', async () => {
    const client = new pg.Client({ connectionString: db.urls.migrate, options: '-c row_security=off' })
    await client.connect()
    await client.query('set role mayfly_owner')
    await expect(client.query("update mayfly.agent set name = 'x'")).rejects.toMatchObject({ code: '42501' })
    await client.query('alter table mayfly.agent no force row level security')
    await client.query("update mayfly.agent set name = 'x'")
    await client.end()
  })
})

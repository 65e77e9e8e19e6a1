// Attack row 22: what a query that forgot its tenant, or names a wrong one, gets from the database itself.

import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readAccounts, readSubjectKeys, replaceClaimHash } from '#db/accounts/read-accounts.ts'
import type { Table } from '#db/catalog/read-tables.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { fillTables, insertInto, mayBeNull, nameOf } from './tenant-rows/fill-tables.ts'

const [a, b] = [randomUUID(), randomUUID()]
const deployment = '00000000-0000-0000-0000-000000000000'
let db: TestDatabase
let tables: Table[]
/** One connection as the runtime role, as a broker holds it. */
let client: pg.Client
beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 1 })
  tables = await fillTables(db.admin, [a, b])
  client = new pg.Client(db.urls.app)
  await client.connect()
})
afterAll(async () => {
  await client.end()
  await db.close()
})

const refused = '42501'
/** Runs the work for this tenant and takes it back. */
async function within<T>(tenant: string | undefined, work: () => Promise<T>): Promise<T> {
  await client.query('begin')
  try {
    if (tenant !== undefined) await client.query(`set local mayfly.tenant = '${tenant}'`)
    return await work()
  } finally {
    await client.query('rollback')
  }
}
/** What became of a statement: rows, or the SQLSTATE of its refusal. */
async function outcome(tenant: string | undefined, statement: string): Promise<number | string> {
  return within(tenant, () =>
    client.query(statement).then(
      ({ rowCount }) => rowCount ?? 0,
      (error: { code: string }) => error.code,
    ),
  )
}
const readable = async (): Promise<Table[]> => {
  const found = []
  for (const table of tables) if ((await outcome(a, `select 1 from ${nameOf(table)}`)) !== refused) found.push(table)
  return found
}
const tenantsSeen = async (table: Table): Promise<unknown[]> =>
  (await client.query(`select distinct tenant_id from ${nameOf(table)}`)).rows.map(row => row.tenant_id)

describe('row 22: a query', () => {
  test('without a tenant sees and changes no row of any, and writes none', async () => {
    for (const table of [...tables, { schema: 'mayfly', name: 'tenant' } as Table]) {
      expect([0, refused], nameOf(table)).toContain(await outcome(undefined, `select * from ${nameOf(table)}`))
      expect([0, refused], nameOf(table)).toContain(await outcome(undefined, `delete from ${nameOf(table)}`))
    }
    for (const table of tables) {
      expect([0, refused]).toContain(await outcome(undefined, `update ${nameOf(table)} set tenant_id = tenant_id`))
      for (const tenantId of [a, ...(mayBeNull(table) ? [null] : [])])
        expect(await outcome(undefined, insertInto(table, tenantId)), nameOf(table)).toBe(refused)
    }
  })

  test('sees the rows of its own tenant and no others, without naming it again', async () => {
    expect((await readable()).length).toBeGreaterThan(10)
    for (const table of await readable()) {
      expect(await within(a, () => tenantsSeen(table)), nameOf(table)).toEqual([a])
      expect(await outcome(a, `select 1 from ${nameOf(table)} where tenant_id = '${b}'`), nameOf(table)).toBe(0)
      expect(await within(deployment, () => tenantsSeen(table)), nameOf(table)).toEqual(mayBeNull(table) ? [null] : [])
      expect(await within(randomUUID(), () => tenantsSeen(table)), nameOf(table)).toEqual([])
    }
  })

  test('neither changes nor deletes a row of another tenant, nor gives it one', async () => {
    for (const table of tables) {
      const name = nameOf(table)
      expect([0, refused], name).toContain(await outcome(a, `delete from ${name} where tenant_id = '${b}'`))
      expect([0, refused], name).toContain(await outcome(a, `update ${name} set tenant_id = '${a}' where tenant_id = '${b}'`))
      expect(await outcome(a, `update ${name} set tenant_id = '${b}'`), name).toBe(refused)
      expect(await outcome(a, insertInto(table, b)), name).toBe(refused)
      if (mayBeNull(table)) expect(await outcome(a, insertInto(table, null)), name).toBe(refused)
    }
  })

  test('of a tenant sees that tenant alone, of the deployment all, and neither sees the log', async () => {
    const seen = (tenant: string) => within(tenant, async () => (await client.query('select id from mayfly.tenant')).rowCount)
    expect(await seen(a)).toBe(1)
    expect(await seen(deployment)).toBe(2)
    for (const tenant of [undefined, a, deployment])
      for (const table of ['log.entry', 'log.body', 'log.body_standard', 'log.pending'])
        expect(await outcome(tenant, `select 1 from ${table}`), table).toBe(refused)
  })

  test('fails where the tenant is nonsense, and sees nothing where it is empty', async () => {
    for (const wrong of ['x', `${a} or true`, '*', 'null']) {
      const tried = within(undefined, async () => {
        await client.query("select set_config('mayfly.tenant', $1, true)", [wrong])
        return client.query('select * from mayfly.agent')
      })
      await expect(tried, wrong).rejects.toMatchObject({ code: '22P02' })
    }
    expect(await outcome('', 'select * from mayfly.agent')).toBe(0)
  })
})

describe('row 22: a pooled connection', () => {
  test('gives the next one nothing of the tenant before, however its transaction ended', async () => {
    const look = () => client.query('select tenant_id from mayfly.agent').then(({ rows }) => rows)
    const named = `set local mayfly.tenant = '${a}'`
    for (const end of ['commit', 'rollback']) {
      await client.query(`begin; ${named}`)
      expect(await look()).toHaveLength(1)
      await client.query(end)
      expect(await look()).toEqual([])
    }
    await client.query(`begin; ${named}`)
    await client.query('select 1 / 0').catch(() => {})
    await client.query('rollback')
    expect(await look()).toEqual([])
  })

  test('keeps one plan for all tenants, and shows each its own rows', async () => {
    await client.query("set plan_cache_mode = 'force_generic_plan'")
    const look = () => client.query({ name: 'kept', text: 'select tenant_id from mayfly.agent where name is not null' })
    for (const tenant of [a, b, a, b]) expect((await within(tenant, look)).rows).toEqual([{ tenant_id: tenant }])
    expect((await look()).rows).toEqual([])
  })

  test('serves handles of two tenants in turn, at the same time, each its own', async () => {
    const seen = (tenant: string) =>
      db.database.db
        .forTenant(tenant)
        .selectFrom('mayfly.agent')
        .select('tenant_id')
        .execute()
        .then(rows => rows[0]?.tenant_id)
    const wanted = Array.from({ length: 40 }, (_, n) => (n % 3 ? a : b))
    expect(await Promise.all(wanted.map(seen))).toEqual(wanted)
    expect((await sql`select * from mayfly.agent`.execute(db.database.db)).rows).toEqual([])
    expect([...(await db.database.sql`select * from mayfly.agent`)]).toEqual([])
  })
})

describe('row 22: the way round', () => {
  test('the policies is closed: no switch, no other role, no function of its own', async () => {
    expect(
      await within(undefined, async () => {
        await client.query('set local row_security = off')
        return client.query('select * from mayfly.agent').catch((error: { code: string }) => error.code)
      }),
    ).toBe(refused)
    for (const statement of [
      'set role mayfly_across',
      'set role mayfly_owner',
      'set role mayfly_log',
      'alter table mayfly.agent disable row level security',
      'alter table mayfly.agent no force row level security',
      'drop policy tenant on mayfly.agent',
      'create policy mine on mayfly.agent using (true)',
      "select mayfly.keep_tenants_apart('mayfly.agent')",
      'create function across.mine() returns int language sql security definer as $$ select 1 $$',
      'create function mayfly.mine() returns int language sql as $$ select 1 $$',
      'create function public.mine() returns int language sql as $$ select 1 $$',
      // With an operator of its own somebody could look at rows before the policy does.
      'create function pg_temp.mine(text) returns boolean language sql as $$ select true $$',
      'create temporary view mine as select * from mayfly.agent',
      'alter function across.find_person(uuid) reset all',
      "select across.check_sealed('mayfly.agent', 'name')",
    ])
      expect(await outcome(a, statement), statement).toBe(refused)
  })

  test('by statistics is closed: what the planner knows of values is not shown', async () => {
    await db.admin.unsafe('analyze')
    const shown = "select 1 from pg_stats where schemaname in ('mayfly', 'log') and tablename <> 'ceiling'"
    const [row] = await db.admin<{ count: number }[]>`select count(*)::int from pg_stats where schemaname = 'mayfly'`
    expect(row!.count).toBeGreaterThan(50)
    expect(await outcome(undefined, `${shown} and tablename in (${tables.map(({ name }) => `'${name}'`).join(', ')})`)).toBe(0)
  })

  test('by functions that look across gives nothing of a tenant that was not named', async () => {
    const [account] = await db.admin<
      { id: string; task_key: string }[]
    >`select id, task_key from mayfly.account where tenant_id = ${b}`
    const [key] = await db.admin<{ subject: string }[]>`
      select encode(subject_hash, 'hex') as subject from mayfly.subject_key where tenant_id = ${b}`
    const { sql: plain } = db.database
    for (const [tenantId, found] of [
      [a, 0],
      [b, 1],
    ] as const) {
      expect(await readAccounts(plain, [{ tenantId, name: account!.id }], [])).toHaveLength(found)
      expect(await readAccounts(plain, [], [{ tenantId, name: account!.task_key }])).toHaveLength(found)
      expect(await readSubjectKeys(plain, [{ tenantId, subject: key!.subject }])).toHaveLength(found)
    }
    const renewal = { accountId: account!.id, claimHash: Buffer.alloc(32), leaf: '{"a":1}', body: '{}' }
    expect(await replaceClaimHash(plain, { ...renewal, tenantId: a })).toBe(false)
  })

  test('by what keeps sealed keys leads to sealed columns alone', async () => {
    for (const [table, column] of [
      ['mayfly.agent', 'name'],
      ['mayfly.credential', 'secret_hash'],
      ['log.entry', 'leaf_sealed'],
      ['mayfly.subject_key; drop table x', 'key_sealed'],
      ['mayfly.subject_key', 'key_sealed" from mayfly.agent --'],
    ] as const) {
      const looked = client.query('select * from across.count_sealed($1, $2, 0, 1)', [table, column])
      await expect(looked, table).rejects.toMatchObject({ code: expect.stringMatching(/^(22023|42P01)$/) })
    }
  })
})

// What the database itself forbids, whoever holds the connection: the runtime role cannot touch the log, and the role that
// owns it cannot change what is written.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { appendBatch } from '#db/log/append.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { countRows, createTenant, makeRequest } from './requests.ts'

let db: TestDatabase
let partition: string
beforeAll(async () => {
  db = await createTestDatabase()
  await appendBatch(db.database.sql, [makeRequest(await createTenant(db.admin))])
  const [row] = await db.admin`select tableoid::regclass::text as name from log.body limit 1`
  partition = row!['name'] as string
})
afterAll(() => db.close())

const changes = (table: string, column: string): string[] => [
  `update ${table} set ${column} = ${column}`,
  `delete from ${table}`,
  `truncate ${table}`,
]
const targets = (): string[] => [
  ...changes('log.entry', 'leaf'),
  ...changes('log.body', 'body'),
  ...changes('log.body_standard', 'body'),
  ...changes('log.body_standard_rest', 'body'),
  ...changes(partition, 'body'),
]

/**
 * Runs a statement and rolls it back; resolves to the SQLSTATE of the refusal, or undefined when nothing was refused.
 * The runtime role logs in by itself; its owner cannot, so a superuser plays it.
 */
async function attempt(role: 'mayfly_app' | 'mayfly_log', statement: string): Promise<string | undefined> {
  const undo = new Error('undo')
  try {
    const sql = role === 'mayfly_app' ? db.database.sql : db.admin
    await sql.begin(async trx => {
      if (role === 'mayfly_log') await trx.unsafe('set local role mayfly_log')
      await trx.unsafe(statement)
      throw undo
    })
  } catch (error) {
    return error === undo ? undefined : (error as { code: string }).code
  }
  return undefined
}

const notAllowed = '42501'

describe('the runtime role', () => {
  test('can neither update, delete nor truncate anything of the log', async () => {
    for (const statement of [...targets(), ...changes('log.head', 'size'), ...changes('log.pending', 'leaf')])
      await expect(attempt('mayfly_app', statement), statement).resolves.toBe(notAllowed)
  })

  test.each([
    ['write an entry past the one function', "insert into log.entry values (99, '{}')"],
    ['write a body past the one function', "insert into log.body values (99, 1, now(), '{}')"],
    [
      'open an account past the log',
      `insert into mayfly.account (id, tenant_id, agent_id, task_key, opened_at, deadline, ceiling_id, opener, task_id)
      values (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), now(), now(), 1, '', '')`,
    ],
    ['delete an account', 'delete from mayfly.account'],
    ['pin a subject token past the log', "insert into mayfly.subject_pin values ('', '', now())"],
    [
      'store a subject key past the log',
      "insert into mayfly.subject_key values (gen_random_uuid(), gen_random_uuid(), '', '', '')",
    ],
    ['call what only the one function may', "select log.open_accounts('{}', '[]', null, null, now())"],
    [
      'replace the function',
      'create or replace function log.append_pending() returns trigger language plpgsql as $$ begin return null; end $$',
    ],
    ['switch the triggers off', 'alter table log.entry disable trigger all'],
    ['switch the triggers off for its session', "set local session_replication_role = 'replica'"],
    ['become the owner', 'set role mayfly_log'],
    ['read what waits to be written', 'select * from log.pending'],
  ])('cannot %s', async (_, statement) => {
    expect(await attempt('mayfly_app', statement)).toBe(notAllowed)
  })
})

describe('the owner of the log', () => {
  test('can neither update, delete nor truncate what is written, in the tables or in a partition', async () => {
    const before = await countRows(db.admin)
    for (const statement of targets()) await expect(attempt('mayfly_log', statement), statement).resolves.toBe(notAllowed)
    expect(await countRows(db.admin)).toEqual(before)
  })

  test('cannot wind back, delete or truncate the head', async () => {
    for (const statement of ['update log.head set size = size - 1', 'delete from log.head', 'truncate log.head'])
      await expect(attempt('mayfly_log', statement), statement).resolves.toBe(notAllowed)
  })

  test('cannot log in', async () => {
    const rows =
      await db.admin`select rolname from pg_roles where rolname in ('mayfly_log', 'mayfly_owner') and (rolcanlogin or rolsuper)`
    expect(rows).toEqual([])
  })
})

test('months that are made later are as append-only as the first', async () => {
  await db.admin`select log.ensure_partitions('2031-05-17', 2)`
  for (const month of ['2031_05', '2031_06'])
    expect(await attempt('mayfly_log', `truncate log.body_standard_${month}`)).toBe(notAllowed)
  await db.admin`select log.ensure_partitions('2031-05-17', 2)`
})

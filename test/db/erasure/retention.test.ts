// Bodies go when their time is over for everybody, row by row where it is not, and never while a hold covers them. Nobody hurries it.

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { catalogue } from '#core/audit/catalogue/catalogue.ts'
import { dropOldBodies } from '#core/audit/drop-bodies.ts'
import { retentionClasses } from '#core/audit/retention.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { readLog } from '#test/setup/log-reader.ts'

let db: TestDatabase
const [a, b, account, agent] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
beforeAll(async () => {
  db = await createTestDatabase()
  for (const [n, id] of [a, b].entries())
    await db.admin`insert into mayfly.tenant (id, slug, name) values (${id}, ${`t${n}`}, 'x')`
})
afterAll(() => db.close())

const monthsAgo = (months: number): Date => {
  const now = new Date()
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months, 15))
}
const leaf = (tenant: string, type: string, more = ''): string =>
  `{${more}"id":"${randomUUID()}","salt":"x","tenant":"${tenant}","time":1,"type":"${type}","v":1}`

/** Writes one as if it had been written then: through the function, then moved back in time by hand. */
async function write(tenant: string, type: string, months: number, more = '', body = '{}'): Promise<number> {
  const at = monthsAgo(months)
  await db.database
    .sql`insert into log.pending (tenant_id, leaf, body) values (${tenant}::text::uuid, ${leaf(tenant, type, more)}, ${body})`
  const { position } = (await readLog(db.admin)).at(-1)!
  if (months === 0) return position
  await db.admin.begin(async trx => {
    await trx`set local session_replication_role = 'replica'`
    await trx`select log.ensure_partitions(${at}::timestamptz, 1)`
    await trx`update log.body set at = ${at} where position = ${position}`
  })
  return position
}
const drop = (thinned = new Map<string, number>()) =>
  dropOldBodies({ sql: db.database.sql, db: db.database.db, thinned }, Date.now())
const bodiesLeft = async (): Promise<number[]> => {
  const rows = await db.admin<{ position: bigint }[]>`select position from log.body order by position`
  return rows.map(({ position }) => Number(position))
}
const keep = (tenant: string, months: Record<string, number>) => db.admin`
  insert into mayfly.retention ${db.admin({ tenant_id: tenant, ...months })}
    on conflict (tenant_id) do update set security = excluded.security, standard = excluded.standard, short = excluded.short`
const hold = (kind: string, target: string | null, keys: string[] | null = []) => db.admin`
  insert into mayfly.legal_hold (id, tenant_id, kind, target_id, key_ids, matter, placed_by)
    values (${randomUUID()}, ${a}, ${kind}, ${target}, ${keys}, 'x', ${randomUUID()})`

beforeEach(async () => {
  await db.admin`delete from mayfly.legal_hold`
  await db.admin`delete from mayfly.retention`
})

describe('the class of an event', () => {
  test('is the same in the catalogue and in the database, and so are the times', async () => {
    const rows = await db.admin<{ type: string; name: string }[]>`
      select e.type, c.name from log.event_class e join log.retention_class c on c.code = e.class`
    const stored = Object.fromEntries(rows.map(({ type, name }) => [type, name]))
    const wanted = Object.entries(catalogue).filter(([, { retention }]) => retention !== 'standard')
    // A type that is missing here goes into the list of migration 0038.
    expect(stored).toEqual(Object.fromEntries(wanted.map(([type, { retention }]) => [type, retention])))
    const classes = await db.admin<{ name: string; months: number; least: number }[]>`
      select name, months, least_months as least from log.retention_class`
    expect(Object.fromEntries(classes.map(({ name, ...row }) => [name, row]))).toEqual(retentionClasses)
  })

  test('decides where its body lies', async () => {
    const positions = [
      await write(a, 'agent.created', 0),
      await write(a, 'token.issued', 0),
      await write(a, 'decisions.reported', 0),
    ]
    const rows = await db.admin<{ class: string }[]>`
      select c.name as class from log.body b join log.retention_class c on c.code = b.retention
       where b.position = any(${positions}) order by b.position`
    expect(rows.map(row => row.class)).toEqual(['security', 'standard', 'short'])
  })
})

describe('a month of a class', () => {
  test('goes as a whole when it is over for everybody, and the log says so; leaves stay', async () => {
    const old = await write(a, 'decisions.reported', 15)
    const young = await write(a, 'decisions.reported', 12)
    const leaves = (await readLog(db.admin)).map(({ leafText }) => leafText)
    expect((await drop()).months).toEqual([`short ${monthsAgo(15).toISOString().slice(0, 7)}`])
    const after = await readLog(db.admin)
    expect(after.slice(0, leaves.length).map(({ leafText }) => leafText)).toEqual(leaves)
    expect(after[old]!.body).toBeUndefined()
    expect(after[young]!.body).toEqual({})
    expect(after.at(-1)).toMatchObject({ leaf: { type: 'retention.dropped' }, body: { class: 'short' } })
    expect((await drop()).months).toEqual([])
  })

  test('stays for a tenant that wants longer, and goes row by row for the others', async () => {
    await keep(a, { short: 60, standard: 84, security: 120 })
    const kept = await write(a, 'token.consumed', 16)
    const gone = await write(b, 'token.consumed', 16)
    expect(await drop()).toMatchObject({ months: [], rows: 1 })
    const left = await bodiesLeft()
    expect([left.includes(kept), left.includes(gone)]).toEqual([true, false])
    await keep(a, { short: 3, standard: 84, security: 120 })
    expect((await drop()).months).toHaveLength(1)
  })

  test('goes sooner for a tenant that wants it shorter', async () => {
    await keep(a, { short: 1, standard: 84, security: 120 })
    const gone = await write(a, 'token.consumed', 4)
    const kept = await write(b, 'token.consumed', 4)
    expect(await drop()).toMatchObject({ months: [], rows: 1 })
    const left = await bodiesLeft()
    expect([left.includes(gone), left.includes(kept)]).toEqual([false, true])
  })

  test('is gone through once a day where it cannot go as a whole', async () => {
    await keep(a, { short: 1, standard: 84, security: 120 })
    const thinned = new Map<string, number>()
    await write(a, 'token.consumed', 5)
    expect((await drop(thinned)).rows).toBe(1)
    await write(a, 'token.consumed', 5)
    expect((await drop(thinned)).rows).toBe(0)
  })
})

describe('the opening of a claimed account', () => {
  test('stays for as long as the account lives, since its owner asks whether the agent can come back, and no longer', async () => {
    await keep(a, { short: 13, standard: 3, security: 120 })
    const opened = await write(a, 'account.opened', 86, `"account":"${account}",`)
    const other = await write(a, 'account.opened', 86, `"account":"${randomUUID()}",`)
    const at = monthsAgo(86)
    await db.admin`insert into mayfly.account (id, tenant_id, agent_id, task_key, opened_at, deadline, ceiling_id, state, opener, task_id)
      values (${account}, ${a}, ${agent}, ${randomUUID()}, ${at}, 'infinity', 1, 'c', sha256('x'), 'x')`
    await db.admin`insert into mayfly.claim (account_id, tenant_id, person_id, claimed_at)
      values (${account}, ${a}, ${randomUUID()}, ${at})`
    const month = `standard ${at.toISOString().slice(0, 7)}`
    const first = await drop()
    expect([first.months.includes(month), first.rows]).toEqual([false, 1])
    const left = await bodiesLeft()
    expect([left.includes(opened), left.includes(other)]).toEqual([true, false])
    await db.admin`update mayfly.account set state = 'x' where id = ${account}`
    expect((await drop()).months).toContain(month)
    expect(await bodiesLeft()).not.toContain(opened)
  })
})

describe('a legal hold', () => {
  const person = randomUUID()
  const key = randomUUID()
  test.each([
    ['the whole tenant', () => hold('tenant', null), '', '{}'],
    ['an account', () => hold('account', account), `"account":"${account}",`, '{}'],
    ['an agent', () => hold('agent', agent, null), `"agent":"${agent}",`, '{}'],
    ['a person', () => hold('person', person), '', `{"actor_person":"psn_${person.replaceAll('-', '')}"}`],
    ['what a key has sealed', () => hold('account', account, [key]), '', `{"private":"x","subject_key":"${key}"}`],
  ])('keeps %s beyond its time, and nothing of other tenants', async (_, place, more, body) => {
    const held = await write(a, 'token.consumed', 20, more, body)
    const other = await write(b, 'token.consumed', 20, more, body)
    await place()
    expect((await drop()).months).toEqual([])
    const left = await bodiesLeft()
    expect([left.includes(held), left.includes(other)]).toEqual([true, false])
    await db.admin`update mayfly.legal_hold set lifted_at = now()`
    expect((await drop()).months).toHaveLength(1)
    expect(await bodiesLeft()).not.toContain(held)
  })
})

describe('whoever holds the broker’s login', () => {
  test('drops no month before its time, and deletes nothing by hand', async () => {
    const { sql } = db.database
    const at = new Date()
    const partition = `body_standard_${at.getUTCFullYear()}_${String(at.getUTCMonth() + 1).padStart(2, '0')}`
    for (const name of [partition, 'body_standard_rest', 'body', 'entry', '"; drop table log.entry; --'])
      expect((await sql`select log.drop_bodies(${name}, '{}', '{}') as done`)[0]).toEqual({ done: false })
    expect((await sql`select log.thin_bodies(${partition}, 0, 1000)::int as n`)[0]).toEqual({ n: 0 })
    for (const statement of [
      'delete from log.body',
      "set mayfly.forgets = 'on'; delete from log.body",
      'drop table log.body_short',
    ])
      await expect(sql.unsafe(statement), statement).rejects.toMatchObject({ code: '42501' })
  })

  test('cannot make a tenant’s times shorter than the least, nor forget by a key that is still there', async () => {
    const id = randomUUID()
    await db.admin`insert into mayfly.subject_key (id, tenant_id, subject_hash, key_sealed, kek_id)
      values (${id}, ${a}, sha256('x'), 'x', 'k')`
    await db.admin`insert into mayfly.erasure (id, tenant_id, key_ids, person_ids) values (${id}, ${a}, ${[id]}, '{}')`
    await expect(db.database.sql`select log.forget_bodies(${id}, 1000, 0)`).rejects.toMatchObject({ code: '55000' })
    for (const [name, { least }] of Object.entries(retentionClasses)) {
      const months = { security: null, standard: null, short: null, [name]: least - 1 }
      const said = db.database.db
        .forTenant(a)
        .insertInto('mayfly.retention')
        .values({ tenant_id: a, ...months })
      await expect(said.execute(), name).rejects.toMatchObject({ code: '23514' })
    }
  })
})

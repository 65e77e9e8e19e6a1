import { randomBytes } from 'node:crypto'
import pg from 'pg'
import postgres, { type Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { postgresConnector } from '#apps/connectors/postgres.ts'
import { createOutbound } from '#apps/outbound/outbound.ts'
import type { Access, Target } from '#core/connector/connector.ts'
import { outsideName } from '#core/connector/names.ts'
import { everythingInside } from '#core/outbound/address-rules.ts'
import { targetOf } from './target.ts'

const database = `outside_${randomBytes(6).toString('hex')}`
const user = `connector_${randomBytes(6).toString('hex')}`
const readers = `readers_${randomBytes(6).toString('hex')}`
const connector = postgresConnector(createOutbound({ allowed: everythingInside, ownStores: [] }), () => Date.now() / 1000)
let admin: Sql
let here: Sql
let host: string
let port: number

beforeAll(async () => {
  const url = new URL(inject('adminUrl'))
  ;[host, port] = [url.hostname, Number(url.port)]
  admin = postgres(url.href, { max: 1, onnotice: () => {} })
  await admin.unsafe(`create database ${database}`)
  await admin.unsafe(`create role ${user} login createrole password 'connector-password'`)
  await admin.unsafe(`create role ${readers}`)
  await admin.unsafe(`grant ${readers} to ${user} with admin option`)
  await admin.unsafe(`grant create on database ${database} to ${user}`)
  url.pathname = `/${database}`
  here = postgres(url.href, { max: 1, onnotice: () => {} })
  await here.unsafe(`create table orders (n int); insert into orders values (7); grant select on orders to ${readers}`)
})
afterAll(async () => {
  await here?.end()
  await admin?.unsafe(`drop database if exists ${database} with (force)`)
  await admin?.unsafe(`drop role if exists ${user}, ${readers}`)
  await admin?.end()
})

const target = (changes: Partial<Target> = {}): Target =>
  targetOf({
    config: { host, port, database, user, tls: 'off', connection_limit: 2, member_of: [readers] },
    admin: { password: 'connector-password' },
    ...changes,
  })

async function signIn(access: Access): Promise<pg.Client> {
  const client = new pg.Client({
    ...{ host: String(access['host']), port: Number(access['port']), database: String(access['database']) },
    ...{ user: String(access['user']), password: String(access['password']) },
  })
  client.on('error', () => {})
  await client.connect()
  return client
}

const refusesSignIn = (access: Access) => expect(signIn(access)).rejects.toThrow()

const left = async (one: Target) =>
  (await here`
    select rolname as name from pg_roles where rolname like ${`${outsideName(one.attachmentId)}%`}
    union all select nspname from pg_namespace where nspname like ${`${outsideName(one.attachmentId)}%`}`) as unknown as object[]

describe('an attachment', () => {
  test('has a schema of its own and the rights of the roles that the connector names, no more', async () => {
    const one = target()
    const access = await connector.provision(one)
    const client = await signIn(access)
    await client.query('create table note (t text)')
    const { rows } = await client.query('select n, current_schema() as schema from public.orders')
    expect(rows).toEqual([{ n: 7, schema: outsideName(one.attachmentId) }])
    await expect(client.query('insert into public.orders values (8)')).rejects.toThrow(/permission denied/)
    await expect(client.query('create table public.mine (n int)')).rejects.toThrow(/permission denied/)
    await expect(client.query('create role other')).rejects.toThrow(/permission denied/)
    await expect(client.query('create schema other')).rejects.toThrow(/permission denied/)
    await client.end()
    await connector.destroy(one)
  })

  test('is gone after its end, with all that is in it and every session, and what is gone is told', async () => {
    const one = target()
    const access = await connector.provision(one)
    const client = await signIn(access)
    await client.query('create table note (t text); insert into note values (repeat($$x$$, 1000)); create table other (n int)')
    await client.query('begin; lock table note')
    const destroyed = await connector.destroy(one)
    expect(destroyed.map(({ what, count }) => [what, count])).toEqual([
      ['session', 1],
      ['table', 2],
      ['schema', 1],
      ['role', 1],
    ])
    await expect(client.query('select 1')).rejects.toThrow()
    await refusesSignIn(access)
    expect(await left(one)).toEqual([])
  })

  test('that was never made, or is gone already, is taken down without complaint', async () => {
    const one = target()
    expect(await connector.destroy(one)).toEqual([])
    await connector.lock(one)
    await connector.extend(one)
    await connector.provision(one)
    await connector.destroy(one)
    expect(await connector.destroy(one)).toEqual([])
  })

  test('that was made half is completed by the next attempt, whose credential alone works', async () => {
    const one = target()
    const first = await connector.provision(one)
    await here.unsafe(`drop schema "${outsideName(one.attachmentId)}"`)
    const second = await connector.provision({ ...one, rotation: 2 })
    await refusesSignIn(first)
    const client = await signIn(second)
    await client.query('create table note (t text)')
    await client.end()
    await connector.destroy(one)
    expect(await left(one)).toEqual([])
  })

  test('that is rotated keeps its data; earlier names, passwords and sessions are dead', async () => {
    const one = target()
    const first = await connector.provision(one)
    const session = await signIn(first)
    await session.query('create table note (t text)')
    const second = await connector.rotate({ ...one, rotation: 2 })
    await expect(session.query('select 1')).rejects.toThrow()
    await refusesSignIn(first)
    await refusesSignIn({ ...second, password: first['password']! })
    const client = await signIn(second)
    expect((await client.query('select count(*)::int as n from note')).rows).toEqual([{ n: 0 }])
    await client.end()
    await connector.destroy({ ...one, rotation: 2 })
    expect(await left(one)).toEqual([])
  })

  test('that is locked lets nobody in and keeps its data', async () => {
    const one = target()
    const access = await connector.provision(one)
    const session = await signIn(access)
    await session.query('create table note (t text)')
    await connector.lock(one)
    await expect(session.query('select 1')).rejects.toThrow()
    await refusesSignIn(access)
    const [table] = await here`select count(*)::int as n from pg_tables where schemaname = ${outsideName(one.attachmentId)}`
    expect(table!['n']).toBe(1)
    await connector.destroy(one)
  })

  test("lets nobody in after the account's deadline, whether anybody takes it down or not; until it is extended", async () => {
    const one = target({ deadlineSeconds: Math.floor(Date.now() / 1000) - 1 })
    const access = await connector.provision(one)
    await refusesSignIn(access)
    await connector.extend({ ...one, deadlineSeconds: Number.POSITIVE_INFINITY })
    await (await signIn(access)).end()
    await connector.destroy(one)
  })

  test('never shows its password to the server', async () => {
    const one = target()
    const access = await connector.provision(one)
    const [row] = await admin`select rolpassword from pg_authid where rolname = ${String(access['user'])}`
    expect(row!['rolpassword']).toMatch(/^SCRAM-SHA-256\$4096:/)
    await connector.destroy(one)
  })
})

describe('a connector', () => {
  test('does not work in a database in which Mayfly keeps its own state', async () => {
    const own = `${database}_own`
    await admin.unsafe(`create database ${own}`)
    const url = new URL(inject('adminUrl'))
    url.pathname = `/${own}`
    const inOwn = postgres(url.href, { max: 1, onnotice: () => {} })
    await inOwn.unsafe('create schema mayfly; create table mayfly.account (id uuid)')
    await inOwn.end()
    const step = target({ config: { ...target().config, database: own } })
    await expect(connector.provision(step)).rejects.toMatchObject({ reason: 'address_refused' })
    await admin.unsafe(`drop database ${own}`)
  })
  test('runs nothing that somebody has left in the database under the name of a function of PostgreSQL', async () => {
    await here.unsafe(`create function public.hashtextextended(text, integer) returns bigint language plpgsql as
      $f$ begin raise exception 'ran with the rights of %', current_user; end $f$`)
    const one = target()
    await connector.provision(one)
    await connector.destroy(one)
    await here.unsafe('drop function public.hashtextextended(text, integer)')
  })
  test('tells a wrong password from a server that is not there, and neither shows it', async () => {
    const wrong = connector.provision(target({ admin: { password: 'wrong-password' } }))
    await expect(wrong).rejects.toMatchObject({ reason: 'not_authorised' })
    const nowhere = target({ config: { ...target().config, port: 1 } })
    await expect(connector.provision(nowhere)).rejects.toMatchObject({ reason: 'unreachable' })
    await expect(connector.provision(nowhere)).rejects.not.toThrow(/password/)
  })
  test.each([{ signal: AbortSignal.abort() }, { untilMs: Date.now() - 1 }])('sends nothing once its time is over', async over => {
    const one = target(over)
    await expect(connector.provision(one)).rejects.toThrow()
    expect(await left(one)).toEqual([])
  })
})

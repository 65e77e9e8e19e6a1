// A row of each tenant in every table that has a `tenant_id`, whatever its columns: so a table that is added later is attacked too.

import { randomBytes, randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import { type Column, readTables, type Table } from '#db/catalog/read-tables.ts'

/** No two alike, where a type has so many. */
let made = 0
const number = (): string => String(++made)

const values: Readonly<Record<string, () => string>> = {
  uuid: randomUUID,
  text: () => randomBytes(8).toString('hex'),
  '"char"': () => 'a',
  boolean: () => 'true',
  smallint: number,
  integer: number,
  bigint: number,
  'double precision': number,
  bytea: () => `\\x${randomBytes(16).toString('hex')}`,
  jsonb: () => '{}',
  date: () => new Date(++made * 86_400_000).toISOString().slice(0, 10),
  'timestamp with time zone': () => new Date(++made * 86_400_000).toISOString(),
  'uuid[]': () => '{}',
  'integer[]': () => '{}',
  'smallint[]': () => '{}',
  'text[]': () => '{}',
}

export const nameOf = (table: Table): string => `${table.schema}.${table.name}`

/** A statement that inserts a row of this tenant; null: of the deployment. Columns that may be left out are. */
export function insertInto(table: Table, tenantId: string | null): string {
  const columns = table.columns.filter(
    ({ name, notNull, defaultValue, identity }) => name === 'tenant_id' || (notNull && defaultValue === null && identity === ''),
  )
  const row = columns.map(column => (column.name === 'tenant_id' ? quote(tenantId) : quote(valueFor(column))))
  return `insert into ${nameOf(table)} (${columns.map(({ name }) => `"${name}"`).join(', ')}) values (${row.join(', ')})`
}

function valueFor({ name, type }: Column): string {
  const make = values[type]
  if (!make) throw new Error(`column ${name} has type ${type}, for which there is no value here`)
  return make()
}

const quote = (value: string | null): string => (value === null ? 'null' : `'${value}'`)

export const mayBeNull = (table: Table): boolean => table.columns.some(({ name, notNull }) => name === 'tenant_id' && !notNull)

/** The tables of tenants, each with one row of every tenant and, where it may have one, of the deployment. What rows must fulfil among themselves is switched off. */
export async function fillTables(admin: Sql, tenants: readonly string[]): Promise<Table[]> {
  const tables = (await readTables(admin)).filter(
    table => table.schema === 'mayfly' && table.columns.some(({ name }) => name === 'tenant_id'),
  )
  for (const table of tables) await relax(admin, table)
  await admin.begin(async trx => {
    await trx`set local session_replication_role = 'replica'`
    for (const [n, id] of tenants.entries()) await trx`insert into mayfly.tenant (id, slug, name) values (${id}, ${`t${n}`}, 'x')`
    for (const table of tables)
      for (const tenantId of [...tenants, ...(mayBeNull(table) ? [null] : [])]) await trx.unsafe(insertInto(table, tenantId))
  })
  return tables
}

async function relax(admin: Sql, table: Table): Promise<void> {
  const constraints = await admin<{ name: string }[]>`
    select conname as name from pg_constraint where conrelid::int = ${table.oid} and contype in ('c', 'p', 'u')`
  for (const { name } of constraints) await admin.unsafe(`alter table ${nameOf(table)} drop constraint "${name}" cascade`)
}

// Writes the types of `schema.ts` from the catalog, so that a query that names a missing column does not compile.
// Types are those that pg gives and takes with the settings of `open-kysely.ts`.

import type { Sql } from 'postgres'
import { type Column, readTables, type Table } from './catalog/read-tables.ts'

const columnTypes: Readonly<Record<string, string>> = {
  uuid: 'string',
  text: 'string',
  '"char"': 'string',
  boolean: 'boolean',
  smallint: 'number',
  integer: 'number',
  bigint: 'Int8',
  'double precision': 'number',
  bytea: 'Bytes',
  jsonb: 'Json',
  date: 'Day',
  'timestamp with time zone': 'Timestamp',
  'uuid[]': 'List<string>',
  'text[]': 'List<string>',
  'integer[]': 'List<number>',
}

const head = `// Generated from the database by \`npm run db:generate\`. Do not edit.

import type { ColumnType, Generated, GeneratedAlways } from 'kysely'

type Int8 = ColumnType<bigint, bigint | number | string, bigint | number | string>
type Bytes = ColumnType<Buffer, Uint8Array, Uint8Array>
/** Written as a value, not as text: the driver makes the JSON. */
type Json = ColumnType<unknown, unknown, unknown>
type Day = ColumnType<Date, string, string>
type Timestamp = ColumnType<Date, Date | string, Date | string>
/** Read only: what is written as a list is taken for JSON. */
type List<T> = ColumnType<T[], never, never>
type WithDefault<T> = T extends ColumnType<infer S, infer I, infer U> ? ColumnType<S, I | undefined, U> : Generated<T>
`

/** The text of `schema.ts` for the database behind `sql`. Throws when a column has a type that is not in the table above. */
export async function generateSchema(sql: Sql): Promise<string> {
  const tables = (await readTables(sql)).filter(table => table.parent === null)
  const interfaces = tables.map(renderTable)
  const members = tables.map(table => `  '${table.schema}.${table.name}': ${interfaceName(table)}`)
  return `${[head, ...interfaces, `export interface DB {\n${members.join('\n')}\n}`].join('\n')}\n`
}

function renderTable(table: Table): string {
  const lines = table.columns.map(column => `  ${column.name}: ${renderType(column)}`)
  return `export interface ${interfaceName(table)} {\n${lines.join('\n')}\n}\n`
}

function renderType(column: Column): string {
  const known = columnTypes[column.type]
  if (known === undefined)
    throw new Error(`column ${column.name} has type ${column.type}, which generate-schema.ts does not know`)
  if (column.identity === 'a') return `GeneratedAlways<${known === 'Int8' ? 'bigint' : known}>`
  const type = column.notNull || known === 'Json' ? known : nullable(known)
  return column.defaultValue === null ? type : `WithDefault<${type}>`
}

const wrapped: Readonly<Record<string, string>> = {
  Int8: 'ColumnType<bigint | null, bigint | number | string | null | undefined, bigint | number | string | null>',
  Bytes: 'ColumnType<Buffer | null, Uint8Array | null | undefined, Uint8Array | null>',
  Day: 'ColumnType<Date | null, string | null | undefined, string | null>',
  Timestamp: 'ColumnType<Date | null, Date | string | null | undefined, Date | string | null>',
}

const nullable = (type: string): string => wrapped[type] ?? `${type} | null`

function interfaceName(table: Table): string {
  const pascal = (text: string) => text.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())
  return `${pascal(table.schema)}${pascal(table.name)}`
}

// Writes `schema.sql`, the whole schema as the database itself reads it back: what a reviewer looks at beside a migration.
// It is for reading and comparing; the migrations alone build a database.

import type { Sql } from 'postgres'
import { ownSchemas, readTables, type Table } from './catalog/read-tables.ts'

const head = '-- Dumped from the database by `npm run db:generate`. Do not edit; partitions of single months are left out.'

/** The text of `schema.sql`; the same for the same schema, whatever the day, the server's minor version or the order of creation. */
export async function dumpSchema(sql: Sql): Promise<string> {
  // Names of other schemas are written out only if they are not on the path.
  await sql`set search_path to pg_catalog`
  const tables = await readTables(sql)
  const parts = [head, await dumpSchemas(sql)]
  for (const table of tables) parts.push(await dumpTable(sql, table))
  parts.push(await dumpFunctions(sql))
  return `${parts.filter(part => part !== '').join('\n\n')}\n`
}

async function dumpSchemas(sql: Sql): Promise<string> {
  const schemas = await sql<{ name: string; owner: string }[]>`
    select nspname as name, pg_get_userbyid(nspowner) as owner from pg_namespace
     where nspname = any(${ownSchemas}) order by nspname collate "C"`
  const grants = await sql<{ line: string }[]>`
    select format('grant %s on schema %I to %s;', lower(a.privilege_type), n.nspname, case a.grantee when 0 then 'public' else pg_get_userbyid(a.grantee) end) as line
      from pg_namespace n, aclexplode(n.nspacl) a
     where n.nspname = any(${ownSchemas}) and a.grantee <> n.nspowner order by 1`
  return [...schemas.map(s => `create schema ${s.name} authorization ${s.owner};`), ...grants.map(g => g.line)].join('\n')
}

async function dumpTable(sql: Sql, table: Table): Promise<string> {
  const name = `${table.schema}.${table.name}`
  const lines = [
    table.parent === null
      ? createTable(table)
      : `create table ${name} partition of ${table.parent} ${table.bound}${partitionBy(table)};`,
  ]
  lines.push(`alter table ${name} owner to ${table.owner};`)
  if (table.parent === null) lines.push(...(await constraints(sql, table)), ...(await indexesAndTriggers(sql, table)))
  lines.push(...(await rowSecurity(sql, table)), ...(await tableGrants(sql, table)))
  return lines.join('\n')
}

function createTable(table: Table): string {
  const columns = table.columns.map(column => {
    const identity = column.identity === 'a' ? ' generated always as identity' : ''
    const standard = column.defaultValue === null ? '' : ` default ${column.defaultValue}`
    return `  ${column.name} ${column.type}${column.notNull ? ' not null' : ''}${identity}${standard}`
  })
  const options = table.options === null || table.options === '' ? '' : ` with (${table.options})`
  return `create table ${table.schema}.${table.name} (\n${columns.join(',\n')}\n)${options}${partitionBy(table)};`
}

const partitionBy = (table: Table): string => (table.partitionKey === null ? '' : ` partition by ${table.partitionKey}`)

async function constraints(sql: Sql, table: Table): Promise<string[]> {
  // 'n' (not null) stands with the column; 't' is a constraint trigger. Newer servers list the first, older ones do not.
  const rows = await sql<{ line: string }[]>`
    select format('alter table %s.%s add constraint %I %s;', ${table.schema}::text, ${table.name}::text, conname, pg_get_constraintdef(oid)) as line
      from pg_constraint where conrelid::int = ${table.oid} and contype not in ('n', 't') order by conname collate "C"`
  return rows.map(row => row.line)
}

async function indexesAndTriggers(sql: Sql, table: Table): Promise<string[]> {
  const indexes = await sql<{ line: string }[]>`
    select pg_get_indexdef(i.indexrelid) || ';' as line from pg_index i join pg_class c on c.oid = i.indexrelid
     where i.indrelid::int = ${table.oid} and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
     order by c.relname collate "C"`
  const triggers = await sql<{ line: string }[]>`
    select pg_get_triggerdef(oid) || ';' as line from pg_trigger
     where tgrelid::int = ${table.oid} and not tgisinternal order by tgname collate "C"`
  return [...indexes, ...triggers].map(row => row.line)
}

async function rowSecurity(sql: Sql, table: Table): Promise<string[]> {
  const name = `${table.schema}.${table.name}`
  const [row] = await sql<{ enabled: boolean; forced: boolean }[]>`
    select relrowsecurity as enabled, relforcerowsecurity as forced from pg_class where oid::int = ${table.oid}`
  const policies = await sql<{ line: string }[]>`
    select format('create policy %I on %s for %s to %s%s%s;', p.polname, ${name}::text,
             case p.polcmd when '*' then 'all' when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' else 'delete' end,
             (select string_agg(pg_get_userbyid(r)::text, ', ' order by pg_get_userbyid(r)::text collate "C") from unnest(p.polroles) r),
             ' using (' || pg_get_expr(p.polqual, p.polrelid) || ')', ' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')') as line
      from pg_policy p where p.polrelid::int = ${table.oid} order by p.polname collate "C"`
  return [
    ...(row?.enabled ? [`alter table ${name} enable row level security;`] : []),
    ...(row?.forced ? [`alter table ${name} force row level security;`] : []),
    ...policies.map(({ line }) => line),
  ]
}

async function tableGrants(sql: Sql, table: Table): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`
    select format('grant %s on %s.%s to %s;', string_agg(privilege, ', ' order by privilege collate "C"), ${table.schema}::text, ${table.name}::text, grantee) as line
      from (
        select lower(a.privilege_type) as privilege, case a.grantee when 0 then 'public' else pg_get_userbyid(a.grantee)::text end as grantee
          from pg_class c, aclexplode(c.relacl) a where c.oid::int = ${table.oid} and a.grantee <> c.relowner
        union all
        select format('%s (%I)', lower(a.privilege_type), t.attname), case a.grantee when 0 then 'public' else pg_get_userbyid(a.grantee)::text end
          from pg_attribute t, aclexplode(t.attacl) a where t.attrelid::int = ${table.oid}
      ) granted group by grantee order by grantee collate "C"`
  return rows.map(row => row.line)
}

async function dumpFunctions(sql: Sql): Promise<string> {
  const rows = await sql<{ definition: string; name: string; owner: string; grantees: string }[]>`
    select pg_get_functiondef(p.oid) as definition, p.oid::regprocedure::text as name, pg_get_userbyid(p.proowner) as owner,
           -- No list of privileges at all means that everyone may execute it.
           case when p.proacl is null then 'public' else coalesce((
             select string_agg(case a.grantee when 0 then 'public' else pg_get_userbyid(a.grantee)::text end, ', ' order by pg_get_userbyid(a.grantee) collate "C")
               from aclexplode(p.proacl) a where a.grantee <> p.proowner), '') end as grantees
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname = any(${ownSchemas}) order by n.nspname collate "C", p.proname collate "C", pg_get_function_identity_arguments(p.oid) collate "C"`
  return rows
    .map(row => {
      const grants = row.grantees === '' ? 'none but its owner may execute it' : `may be executed by: ${row.grantees}`
      return `${row.definition.trimEnd()};\nalter function ${row.name} owner to ${row.owner};\n-- ${grants}`
    })
    .join('\n\n')
}

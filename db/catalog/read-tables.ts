import type { Sql } from 'postgres'

/** Schemas that migrations make. `queue` belongs to BullMQ, `migration` to the migrator. */
export const ownSchemas = ['mayfly', 'log', 'across']

export interface Column {
  readonly name: string
  readonly type: string
  readonly notNull: boolean
  readonly defaultValue: string | null
  /** '' none, 'a' generated always, 'd' by default. */
  readonly identity: string
}

export interface Table {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly owner: string
  readonly options: string | null
  readonly partitionKey: string | null
  readonly parent: string | null
  readonly bound: string | null
  readonly columns: readonly Column[]
}

/**
 * All tables of our schemas, by name. Partitions of one month are left out: which of them exist depends on the day.
 */
export async function readTables(sql: Sql): Promise<Table[]> {
  const tables = await sql<(Omit<Table, 'columns'> & { oid: number })[]>`
    select c.oid::int, n.nspname as schema, c.relname as name, pg_get_userbyid(c.relowner) as owner,
           array_to_string(c.reloptions, ', ') as options, pg_get_partkeydef(c.oid) as "partitionKey",
           (select i.inhparent::regclass::text from pg_inherits i where i.inhrelid = c.oid) as parent,
           pg_get_expr(c.relpartbound, c.oid) as bound
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any(${ownSchemas}) and c.relkind in ('r', 'p')
       and not (c.relispartition and c.relname ~ '_[0-9]{4}_[0-9]{2}$')
     order by n.nspname collate "C", c.relname collate "C"`
  const columns = await sql<(Column & { table: number })[]>`
    select a.attrelid::int as table, a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as "notNull",
           pg_get_expr(d.adbin, d.adrelid) as "defaultValue", a.attidentity::text as identity
      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where a.attrelid::int = any(${tables.map(table => table.oid)}) and a.attnum > 0 and not a.attisdropped
     order by a.attrelid, a.attnum`
  return tables.map(table => ({ ...table, columns: columns.filter(column => column.table === table.oid) }))
}

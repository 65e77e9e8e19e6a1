import type { Sql } from 'postgres'

/** What an event takes in PostgreSQL, by table and index of the log, in bytes. admin: who sees all. */
export async function bytesPerEvent(admin: Sql, events: number): Promise<Record<string, number>> {
  const rows = await admin<{ name: string; bytes: number }[]>`
    select case when i.indrelid is null then c.relname else coalesce(inhparent::regclass::text, i.indrelid::regclass::text) || ' ' || c.relname end as name,
           sum(pg_relation_size(c.oid) + case when c.reltoastrelid <> 0 then pg_total_relation_size(c.reltoastrelid) else 0 end)::float8 as bytes
      from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_index i on i.indexrelid = c.oid left join pg_inherits h on h.inhrelid = i.indrelid
     where n.nspname = 'log' and c.relkind in ('r', 'i') group by 1 having sum(pg_relation_size(c.oid)) > 65536 order by 2 desc`
  return Object.fromEntries(rows.map(({ name, bytes }) => [name, Number((bytes / events).toFixed(1))]))
}

/** All of them together. */
export function sumOf(bytes: Readonly<Record<string, number>>): number {
  return Number(
    Object.values(bytes)
      .reduce((sum, each) => sum + each, 0)
      .toFixed(1),
  )
}

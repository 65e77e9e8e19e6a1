import type { Sql } from 'postgres'
import type { LineageRow } from './find-account.ts'

export interface AccountName {
  readonly tenantId: string
  readonly accountId: string
}

export interface LineageNow {
  readonly lineage: LineageRow
  /** Whether each ancestor was active when this was read. */
  readonly live: boolean
}

/** The lineages of those of these accounts that are children; one round trip. */
export async function readLineagesNow(sql: Sql, names: readonly AccountName[]): Promise<LineageNow[]> {
  const tenants = `{${names.map(({ tenantId }) => tenantId).join(',')}}`
  const accounts = `{${names.map(({ accountId }) => accountId).join(',')}}`
  const rows = await sql<(LineageRow & { live: boolean })[]>`
    select account_id as "accountId", root_id as "rootId", parent_id as "parentId", depth, max_depth as "maxDepth",
           to_jsonb(ancestors) as ancestors, to_jsonb(generations) as generations, to_jsonb(agents) as agents, quota, live
      from across.read_lineages(${tenants}::text::uuid[], ${accounts}::text::uuid[])`
  return rows.map(({ live, ...lineage }) => ({ lineage, live }))
}

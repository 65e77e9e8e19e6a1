import type { Sql } from 'postgres'
import { arrayText } from '../array-text.ts'

/** Where a child account descends from; the lists go from its parent outwards to the root. */
export interface LineageRow {
  readonly accountId: string
  readonly rootId: string
  readonly parentId: string
  readonly depth: number
  readonly maxDepth: number
  readonly ancestors: readonly string[]
  readonly generations: readonly number[]
  /** uuids of the agents that the ancestors belong to. */
  readonly agents: readonly string[]
  readonly quota: Readonly<Record<string, number>> | null
}

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
  const tenants = arrayText(names.map(({ tenantId }) => tenantId))
  const accounts = arrayText(names.map(({ accountId }) => accountId))
  const rows = await sql<(LineageRow & { live: boolean })[]>`
    select account_id as "accountId", root_id as "rootId", parent_id as "parentId", depth, max_depth as "maxDepth",
           to_jsonb(ancestors) as ancestors, to_jsonb(generations) as generations, to_jsonb(agents) as agents, quota, live
      from across.read_lineages(${tenants}::text::uuid[], ${accounts}::text::uuid[])`
  return rows.map(({ live, ...lineage }) => ({ lineage, live }))
}

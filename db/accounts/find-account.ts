import type { Sql } from 'postgres'
import { arrayText } from '../array-text.ts'
import { type AccountRow, readAccounts } from './read-accounts.ts'

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

/** The lineages of those of a tenant's accounts that are children; one round trip. */
export async function readLineages(sql: Sql, tenantId: string, accountIds: readonly string[]): Promise<LineageRow[]> {
  return sql<LineageRow[]>`
    select account_id as "accountId", root_id as "rootId", parent_id as "parentId", depth, max_depth as "maxDepth",
           to_jsonb(ancestors) as ancestors, to_jsonb(generations) as generations, to_jsonb(agents) as agents, quota
      from across.read_lineages(${arrayText(accountIds.map(() => tenantId))}::text::uuid[], ${arrayText(accountIds)}::text::uuid[])`
}

/** One account of a tenant, with its lineage if it is a child; undefined: not there, or another tenant's. */
export async function findAccount(
  sql: Sql,
  tenantId: string,
  id: string,
): Promise<{ readonly account: AccountRow; readonly lineage: LineageRow | undefined } | undefined> {
  const [account] = await readAccounts(sql, [{ tenantId, name: id }], [])
  if (!account) return undefined
  const [lineage] = account.rootId === null ? [] : await readLineages(sql, tenantId, [id])
  return { account, lineage }
}

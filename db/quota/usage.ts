import { type SqlBool, sql } from 'kysely'
import type { Db } from '../connect.ts'
import type { Executor } from '../unscoped-db.ts'

export type UsageGroup = 'tenant' | 'agent' | 'account' | 'day'

export interface UsageQuery {
  readonly by: UsageGroup
  /** Days, YYYY-MM-DD UTC, both included. */
  readonly from: string
  readonly to: string
  /** uuids; only theirs. */
  readonly agentId?: string | undefined
  readonly accountId?: string | undefined
  /** Of a page: rows behind this key. */
  readonly afterKey?: string | undefined
  readonly limit: number
}

export interface UsageRow {
  /** uuid, or the day as YYYY-MM-DD. The zero uuid: what could be put down to none. */
  readonly key: string
  readonly agent_id: string | null
  readonly opened: bigint
  readonly tokens: bigint
  readonly denials: bigint
  readonly calls_allowed: bigint
  readonly calls_refused: bigint
  readonly units: bigint
}

const keys = { tenant: 'tenant_id', agent: 'agent_id', account: 'account_id' } as const

/** Sums of one tenant's usage, by key. Of accounts their agent stands beside. */
export async function readUsage(db: Db, tenantId: string, query: UsageQuery): Promise<UsageRow[]> {
  const key = query.by === 'day' ? sql<string>`to_char(day, 'YYYY-MM-DD')` : sql<string>`${sql.ref(keys[query.by])}::text`
  const sum = (column: string) => sql<bigint>`sum(${sql.ref(column)})::bigint`
  let rows = db
    .selectFrom('mayfly.usage')
    .select([
      key.as('key'),
      (query.by === 'account' ? sql<string | null>`min(agent_id::text)` : sql<string | null>`null::text`).as('agent_id'),
      sum('opened').as('opened'),
      sum('tokens').as('tokens'),
      sum('denials').as('denials'),
      sum('calls_allowed').as('calls_allowed'),
      sum('calls_refused').as('calls_refused'),
      sum('units').as('units'),
    ])
    .where('tenant_id', '=', tenantId)
    .where(sql<SqlBool>`day between ${query.from}::date and ${query.to}::date`)
    .groupBy(key)
    .orderBy(key)
    .limit(query.limit)
  if (query.agentId !== undefined) rows = rows.where('agent_id', '=', query.agentId)
  if (query.accountId !== undefined) rows = rows.where('account_id', '=', query.accountId)
  if (query.afterKey !== undefined) rows = rows.where(sql<SqlBool>`${key} > ${query.afterKey}`)
  return rows.execute()
}

/** The same of all tenants, one row each. */
export async function readUsageOfTenants(
  db: Executor,
  { from, to, afterKey, limit }: Pick<UsageQuery, 'from' | 'to' | 'afterKey' | 'limit'>,
): Promise<UsageRow[]> {
  const { rows } = await sql<UsageRow>`
    select u.*, null as agent_id
      from across.usage_of_tenants(${from}::date, ${to}::date, ${afterKey ?? null}::uuid, ${limit}::integer) u`.execute(db)
  return rows
}

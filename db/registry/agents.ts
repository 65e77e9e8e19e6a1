import { sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'
import { type Page, readPage } from './page.ts'

export interface AgentRow {
  readonly id: string
  readonly tenant_id: string
  readonly name: string
  readonly owner: string
  readonly review_on: Date
  readonly rules: unknown
  readonly settings: unknown
  /** Canonical JSON of the ceiling. */
  readonly permission: string
  readonly created_at: Date
  readonly updated_at: Date
  /** Since when it gets nothing; null: it is not suspended. */
  readonly suspended_at: Date | null
}

export interface AgentValues {
  readonly name: string
  readonly owner: string
  /** `YYYY-MM-DD`. */
  readonly review_on: string
  readonly rules: unknown
  readonly settings: unknown
  readonly ceiling_id: bigint
}

const selectAgents = (db: Db) =>
  db
    .selectFrom('mayfly.agent as a')
    .innerJoin('mayfly.ceiling as c', 'c.id', 'a.ceiling_id')
    .select([
      'a.id',
      'a.tenant_id',
      'a.name',
      'a.owner',
      'a.review_on',
      'a.rules',
      'a.settings',
      'c.permission',
      'a.created_at',
      'a.updated_at',
      'a.suspended_at',
    ])

export async function insertAgent(trx: Trx, id: string, tenantId: string, values: AgentValues): Promise<void> {
  await trx
    .insertInto('mayfly.agent')
    .values({ id, tenant_id: tenantId, ...values })
    .execute()
}

export async function updateAgent(trx: Trx, id: string, tenantId: string, values: AgentValues): Promise<boolean> {
  const result = await trx
    .updateTable('mayfly.agent')
    .set({ ...values, updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

export async function deleteAgent(trx: Trx, id: string, tenantId: string): Promise<boolean> {
  const result = await trx.deleteFrom('mayfly.agent').where('id', '=', id).where('tenant_id', '=', tenantId).executeTakeFirst()
  return result.numDeletedRows > 0n
}

export function findAgent(db: Db, id: string, tenantId: string): Promise<AgentRow | undefined> {
  return selectAgents(db).where('a.id', '=', id).where('a.tenant_id', '=', tenantId).executeTakeFirst()
}

export function listAgents(db: Db, tenantId: string, page: Page): Promise<AgentRow[]> {
  const query = selectAgents(db).where('a.tenant_id', '=', tenantId)
  return readPage(query, page, 'a.id')
}

/** Ids of the agents with a rule that names the trust source; at most ten. */
export async function agentsTrusting(trx: Trx, tenantId: string, trustSourceId: string): Promise<string[]> {
  const wanted = JSON.stringify([{ trust_source: trustSourceId }])
  const rows = await trx
    .selectFrom('mayfly.agent')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where(sql<boolean>`rules @> ${wanted}::text::jsonb`)
    .orderBy('id')
    .limit(10)
    .execute()
  return rows.map(row => row.id)
}

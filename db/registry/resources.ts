import { sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'
import { type Page, readPage } from './page.ts'

export interface ResourceRow {
  readonly id: string
  readonly tenant_id: string
  readonly uri: string
  readonly name: string
  readonly config: unknown
  readonly created_at: Date
  readonly updated_at: Date
}

export type ResourceValues = Pick<ResourceRow, 'uri' | 'name' | 'config'>

const columns = ['id', 'tenant_id', 'uri', 'name', 'config', 'created_at', 'updated_at'] as const

export function insertResource(trx: Trx, id: string, tenantId: string, values: ResourceValues): Promise<ResourceRow> {
  return trx
    .insertInto('mayfly.resource')
    .values({ id, tenant_id: tenantId, ...values })
    .returning(columns)
    .executeTakeFirstOrThrow()
}

export function updateResource(trx: Trx, id: string, tenantId: string, values: ResourceValues): Promise<ResourceRow | undefined> {
  return trx
    .updateTable('mayfly.resource')
    .set({ ...values, updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .returning(columns)
    .executeTakeFirst()
}

/** Its credentials go with it. */
export async function deleteResource(trx: Trx, id: string, tenantId: string): Promise<boolean> {
  const result = await trx.deleteFrom('mayfly.resource').where('id', '=', id).where('tenant_id', '=', tenantId).executeTakeFirst()
  return result.numDeletedRows > 0n
}

export function findResource(db: Db, id: string, tenantId: string): Promise<ResourceRow | undefined> {
  return db
    .selectFrom('mayfly.resource')
    .select(columns)
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
}

export function listResources(db: Db, tenantId: string, page: Page): Promise<ResourceRow[]> {
  const query = db.selectFrom('mayfly.resource').select(columns).where('tenant_id', '=', tenantId)
  return readPage(query, page)
}

export async function listResourceUris(trx: Trx, tenantId: string): Promise<string[]> {
  const rows = await trx.selectFrom('mayfly.resource').select('uri').where('tenant_id', '=', tenantId).execute()
  return rows.map(row => row.uri)
}

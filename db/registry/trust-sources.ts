import { sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'
import { type Page, readPage } from './page.ts'

export interface TrustSourceRow {
  readonly id: string
  readonly tenant_id: string
  readonly name: string
  readonly kind: string
  readonly issuer: string | null
  readonly audience: string | null
  readonly config: unknown
  readonly created_at: Date
  readonly updated_at: Date
  /** Since when its word counts for nothing; null: it is not suspended. */
  readonly suspended_at: Date | null
}

export type TrustSourceValues = Pick<TrustSourceRow, 'name' | 'kind' | 'issuer' | 'audience' | 'config'>

const columns = [
  'id',
  'tenant_id',
  'name',
  'kind',
  'issuer',
  'audience',
  'config',
  'created_at',
  'updated_at',
  'suspended_at',
] as const

export function insertTrustSource(trx: Trx, id: string, tenantId: string, values: TrustSourceValues): Promise<TrustSourceRow> {
  return trx
    .insertInto('mayfly.trust_source')
    .values({ id, tenant_id: tenantId, ...values })
    .returning(columns)
    .executeTakeFirstOrThrow()
}

export function updateTrustSource(
  trx: Trx,
  id: string,
  tenantId: string,
  values: TrustSourceValues,
): Promise<TrustSourceRow | undefined> {
  return trx
    .updateTable('mayfly.trust_source')
    .set({ ...values, updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .returning(columns)
    .executeTakeFirst()
}

export async function deleteTrustSource(trx: Trx, id: string, tenantId: string): Promise<boolean> {
  const result = await trx
    .deleteFrom('mayfly.trust_source')
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

export function findTrustSource(db: Db, id: string, tenantId: string): Promise<TrustSourceRow | undefined> {
  return db
    .selectFrom('mayfly.trust_source')
    .select(columns)
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
}

export function listTrustSources(db: Db, tenantId: string, page: Page): Promise<TrustSourceRow[]> {
  const query = db.selectFrom('mayfly.trust_source').select(columns).where('tenant_id', '=', tenantId)
  return readPage(query, page)
}

/** What rules are checked against of each of a tenant's trust sources, by id. */
export async function readTrustSourceKinds(
  trx: Trx,
  tenantId: string,
): Promise<Map<string, { readonly kind: string; readonly config: unknown }>> {
  const rows = await trx
    .selectFrom('mayfly.trust_source')
    .select(['id', 'kind', 'config'])
    .where('tenant_id', '=', tenantId)
    .execute()
  return new Map(rows.map(({ id, kind, config }) => [id, { kind, config }]))
}

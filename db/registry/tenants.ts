import type { Db, Trx } from '../connect.ts'
import type { Page } from './page.ts'

export interface TenantRow {
  readonly id: string
  readonly slug: string
  readonly name: string
  readonly is_first: boolean
  readonly config_epoch: bigint
  readonly created_at: Date
}

const columns = ['id', 'slug', 'name', 'is_first', 'config_epoch', 'created_at'] as const

/** Throws the driver's unique violation when the slug is taken or there is a first tenant already. */
export function insertTenant(trx: Trx, row: { id: string; slug: string; name: string; is_first: boolean }): Promise<TenantRow> {
  return trx.insertInto('mayfly.tenant').values(row).returning(columns).executeTakeFirstOrThrow()
}

/**
 * Takes the tenant's row until the transaction ends. Every change to a tenant's registry starts with this, so that what one
 * change checked (that a trust source exists, that nobody uses it) cannot be undone by another before it is committed.
 */
export function lockTenant(trx: Trx, id: string): Promise<TenantRow | undefined> {
  return trx.selectFrom('mayfly.tenant').select(columns).where('id', '=', id).forNoKeyUpdate().executeTakeFirst()
}

export function findTenant(db: Db, id: string): Promise<TenantRow | undefined> {
  return db.selectFrom('mayfly.tenant').select(columns).where('id', '=', id).executeTakeFirst()
}

/** `onlyId`: the one tenant that the caller may see; undefined: all. */
export function listTenants(db: Db, page: Page, onlyId?: string): Promise<TenantRow[]> {
  let query = db.selectFrom('mayfly.tenant').select(columns).orderBy('id').limit(page.limit)
  if (page.afterId !== undefined) query = query.where('id', '>', page.afterId)
  if (onlyId !== undefined) query = query.where('id', '=', onlyId)
  return query.execute()
}

/** The tenant at a slug's path; without a slug, the first one. */
export async function findTenantIdByPath(db: Db, slug: string | undefined): Promise<string | undefined> {
  let query = db
    .selectFrom('mayfly.tenant')
    .select('id')
    .where('is_first', '=', slug === undefined)
  if (slug !== undefined) query = query.where('slug', '=', slug)
  return (await query.executeTakeFirst())?.id
}

/** Ids of the tenants at these slugs' paths, by slug; the first tenant has no slug in its path and is not among them. */
export async function findTenantIdsBySlug(db: Db, slugs: readonly string[]): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('mayfly.tenant')
    .select(['id', 'slug'])
    .where('is_first', '=', false)
    .where('slug', 'in', slugs)
    .execute()
  return new Map(rows.map(row => [row.slug, row.id]))
}

/** Config epochs of these tenants, by id. */
export async function readConfigEpochs(db: Db, ids: readonly string[]): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map()
  const rows = await db.selectFrom('mayfly.tenant').select(['id', 'config_epoch']).where('id', 'in', ids).execute()
  return new Map(rows.map(row => [row.id, Number(row.config_epoch)]))
}

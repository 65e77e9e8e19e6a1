import { sql } from 'kysely'
import { arrayText } from '../array-text.ts'
import type { Db, Trx } from '../connect.ts'
import type { Executor } from '../unscoped-db.ts'
import { type Page, readPage } from './page.ts'

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
  let query = db.selectFrom('mayfly.tenant').select(columns)
  if (onlyId !== undefined) query = query.where('id', '=', onlyId)
  return readPage(query, page)
}

/** What is said of a tenant to who asks for its path. */
export interface TenantAtPath {
  readonly id: string
  readonly slug: string
  readonly is_first: boolean
}

/** The tenants with these slugs; an empty slug stands for the first one. */
export async function findTenantsBySlug(db: Executor, slugs: readonly string[]): Promise<TenantAtPath[]> {
  const { rows } =
    await sql<TenantAtPath>`select * from across.find_tenants(${arrayText(slugs.map(quote))}::text::text[])`.execute(db)
  return rows
}

/** Slugs hold no quotes, and an empty one must be seen. */
const quote = (slug: string): string => `"${slug}"`

/** The first tenant, whose path has no slug. */
export async function findFirstTenantId(db: Executor): Promise<string | undefined> {
  return (await findTenantsBySlug(db, ['']))[0]?.id
}

/** Ids of the tenants at these slugs' paths, by slug; the first tenant has no slug in its path and is not among them. */
export async function findTenantIdsBySlug(db: Executor, slugs: readonly string[]): Promise<Map<string, string>> {
  const found = await findTenantsBySlug(db, slugs)
  return new Map(found.filter(tenant => !tenant.is_first).map(tenant => [tenant.slug, tenant.id]))
}

/** Config epochs of these tenants, by id. */
export async function readConfigEpochs(db: Executor, ids: readonly string[]): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map()
  const { rows } = await sql<{ id: string; config_epoch: bigint }>`
    select id, config_epoch from across.config_epochs(${arrayText(ids)}::text::uuid[])`.execute(db)
  return new Map(rows.map(row => [row.id, Number(row.config_epoch)]))
}

/** The number of its configuration, as this transaction has left it. Undefined: there is no such tenant. */
export async function readConfigEpoch(db: Db, tenantId: string): Promise<number | undefined> {
  const { rows } = await sql<{ config_epoch: bigint }>`
    select config_epoch from mayfly.tenant where id = ${tenantId}::uuid`.execute(db)
  return rows[0] && Number(rows[0].config_epoch)
}

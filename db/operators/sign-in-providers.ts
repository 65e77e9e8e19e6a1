import { sql } from 'kysely'
import { arrayText } from '../array-text.ts'
import type { Db, Trx } from '../connect.ts'
import { type Page, readPage } from '../registry/page.ts'
import { findTenantsBySlug } from '../registry/tenants.ts'
import type { Executor } from '../unscoped-db.ts'

export interface SignInProviderRow {
  readonly id: string
  /** null: the deployment's own. */
  readonly tenant_id: string | null
  readonly name: string
  readonly issuer: string
  readonly client_id: string
  readonly config: unknown
  readonly created_at: Date
  readonly updated_at: Date
}

export type SignInProviderValues = Pick<SignInProviderRow, 'name' | 'issuer' | 'client_id' | 'config'>

const columns = ['id', 'tenant_id', 'name', 'issuer', 'client_id', 'config', 'created_at', 'updated_at'] as const
const columnList = sql.join(columns.map(column => sql.ref(column)))

export function insertSignInProvider(
  trx: Trx,
  id: string,
  tenantId: string | null,
  values: SignInProviderValues,
): Promise<SignInProviderRow> {
  return trx
    .insertInto('mayfly.sign_in_provider')
    .values({ id, tenant_id: tenantId, ...values })
    .returning(columns)
    .executeTakeFirstOrThrow()
}

export function updateSignInProvider(
  trx: Trx,
  id: string,
  tenantId: string | null,
  values: SignInProviderValues,
): Promise<SignInProviderRow | undefined> {
  return trx
    .updateTable('mayfly.sign_in_provider')
    .set({ ...values, updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('tenant_id', 'is not distinct from', tenantId)
    .returning(columns)
    .executeTakeFirst()
}

/** Says that something about it has changed that stands elsewhere. */
export async function touchSignInProvider(trx: Trx, id: string, tenantId: string): Promise<void> {
  await trx
    .updateTable('mayfly.sign_in_provider')
    .set({ updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .execute()
}

/** Its sessions go with it. */
export async function deleteSignInProvider(trx: Trx, id: string, tenantId: string | null): Promise<boolean> {
  const result = await trx
    .deleteFrom('mayfly.sign_in_provider')
    .where('id', '=', id)
    .where('tenant_id', 'is not distinct from', tenantId)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

export function findSignInProvider(db: Db, id: string, tenantId: string | null): Promise<SignInProviderRow | undefined> {
  return db
    .selectFrom('mayfly.sign_in_provider')
    .select(columns)
    .where('id', '=', id)
    .where('tenant_id', 'is not distinct from', tenantId)
    .executeTakeFirst()
}

export function listSignInProviders(db: Db, tenantId: string | null, page: Page): Promise<SignInProviderRow[]> {
  const query = db.selectFrom('mayfly.sign_in_provider').select(columns).where('tenant_id', 'is not distinct from', tenantId)
  return readPage(query, page)
}

/** Whoever it belongs to. */
export async function findAnySignInProviders(db: Executor, ids: readonly string[]): Promise<Map<string, SignInProviderRow>> {
  const { rows } = await sql<SignInProviderRow>`
    select ${columnList} from across.find_sign_in_providers(${arrayText(ids)}::text::uuid[])`.execute(db)
  return new Map(rows.map(row => [row.id, row]))
}

/**
 * Keeps the provider as it is until the transaction ends, if it is still the one of that change: sessions are opened under
 * it, and whoever changes or deletes it ends them.
 */
export async function holdSignInProvider(trx: Trx, id: string, updatedAt: Date): Promise<boolean> {
  const row = await trx
    .selectFrom('mayfly.sign_in_provider')
    .select('updated_at')
    .where('id', '=', id)
    .forShare()
    .executeTakeFirst()
  return row !== undefined && row.updated_at.getTime() === updatedAt.getTime()
}

export async function countSignInProviders(trx: Trx, tenantId: string): Promise<number> {
  const row = await trx
    .selectFrom('mayfly.sign_in_provider')
    .select(eb => eb.fn.countAll<bigint>().as('count'))
    .where('tenant_id', '=', tenantId)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

export interface SignInOffer {
  /** Slug of the tenant; undefined: the deployment's own provider. */
  readonly tenant: string | undefined
  readonly row: SignInProviderRow
}

/**
 * The providers of the tenants with these slugs, by slug; '' stands for the first tenant, with the deployment's own behind.
 * A slug that is not in the answer is no tenant's.
 */
export async function findSignInOffers(db: Executor, slugs: readonly string[]): Promise<Map<string, SignInOffer[]>> {
  const tenants = await findTenantsBySlug(db, slugs)
  const { rows } = await sql<SignInProviderRow>`
    select ${columnList} from across.list_sign_in_providers(${arrayText(tenants.map(({ id }) => id))}::text::uuid[]) order by id`.execute(
    db,
  )
  const of = (id: string | null, tenant: string | undefined) =>
    rows.filter(row => row.tenant_id === id).map(row => ({ tenant, row }))
  const offers = new Map(tenants.map(({ id, slug }) => [slug, of(id, slug)]))
  const first = tenants.find(tenant => tenant.is_first)
  if (slugs.includes('')) offers.set('', [...(first ? of(first.id, first.slug) : []), ...of(null, undefined)])
  return offers
}

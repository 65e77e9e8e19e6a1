import { sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'
import type { Page } from './page.ts'

export type CredentialKind = 'bootstrap' | 'operator' | 'resource'

export interface CredentialRow {
  readonly id: string
  readonly kind: string
  readonly tenant_id: string | null
  readonly resource_id: string | null
  readonly role: string | null
  readonly name: string
  readonly secret_hash: Buffer
  readonly created_at: Date
  readonly expires_at: Date
}

export type NewCredentialRow = Omit<CredentialRow, 'created_at' | 'kind'> & { readonly kind: CredentialKind }

const columns = ['id', 'kind', 'tenant_id', 'resource_id', 'role', 'name', 'secret_hash', 'created_at', 'expires_at'] as const

export function insertCredential(trx: Trx, row: NewCredentialRow): Promise<CredentialRow> {
  return trx.insertInto('mayfly.credential').values(row).returning(columns).executeTakeFirstOrThrow()
}

/** The credential with that hash, if it has not ended by the database's clock. */
export function findLiveCredential(db: Db, kind: CredentialKind, secretHash: Buffer): Promise<CredentialRow | undefined> {
  return db
    .selectFrom('mayfly.credential')
    .select(columns)
    .where('secret_hash', '=', secretHash)
    .where('kind', '=', kind)
    .where('used_at', 'is', null)
    .where('expires_at', '>', sql<Date>`clock_timestamp()`)
    .executeTakeFirst()
}

/** As `findLiveCredential`, for many; by hex of the hash. */
export async function findLiveCredentials(
  db: Db,
  kinds: readonly CredentialKind[],
  secretHashes: readonly string[],
): Promise<Map<string, CredentialRow>> {
  const rows = await db
    .selectFrom('mayfly.credential')
    .select(columns)
    .where(
      'secret_hash',
      'in',
      secretHashes.map(hex => Buffer.from(hex, 'hex')),
    )
    .where('kind', 'in', kinds)
    .where('used_at', 'is', null)
    .where('expires_at', '>', sql<Date>`clock_timestamp()`)
    .execute()
  return new Map(rows.map(row => [row.secret_hash.toString('hex'), row]))
}

/**
 * Uses up a single-use credential. Of transactions that try at the same time the later ones wait for the first and then find
 * it used, so exactly one gets true.
 */
export async function useCredentialOnce(trx: Trx, kind: CredentialKind, secretHash: Buffer): Promise<boolean> {
  const result = await trx
    .updateTable('mayfly.credential')
    .set({ used_at: sql<Date>`clock_timestamp()` })
    .where('secret_hash', '=', secretHash)
    .where('kind', '=', kind)
    .where('used_at', 'is', null)
    .where('expires_at', '>', sql<Date>`clock_timestamp()`)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Which credentials a caller may see: of one tenant, or of the deployment (`null`: those that belong to no tenant); `undefined`: all. */
export interface CredentialScope {
  readonly kind: CredentialKind
  readonly tenantId: string | null | undefined
  readonly resourceId?: string
}

export function listCredentials(db: Db, scope: CredentialScope, page: Page): Promise<CredentialRow[]> {
  let query = db.selectFrom('mayfly.credential').select(columns).where('kind', '=', scope.kind).orderBy('id').limit(page.limit)
  if (scope.tenantId === null) query = query.where('tenant_id', 'is', null)
  else if (scope.tenantId !== undefined) query = query.where('tenant_id', '=', scope.tenantId)
  if (scope.resourceId !== undefined) query = query.where('resource_id', '=', scope.resourceId)
  if (page.afterId !== undefined) query = query.where('id', '>', page.afterId)
  return query.execute()
}

/** The row that was deleted, or undefined when the scope holds none of that id. */
export function deleteCredential(trx: Trx, scope: CredentialScope, id: string): Promise<CredentialRow | undefined> {
  let query = trx.deleteFrom('mayfly.credential').where('id', '=', id).where('kind', '=', scope.kind)
  if (scope.tenantId === null) query = query.where('tenant_id', 'is', null)
  else if (scope.tenantId !== undefined) query = query.where('tenant_id', '=', scope.tenantId)
  if (scope.resourceId !== undefined) query = query.where('resource_id', '=', scope.resourceId)
  return query.returning(columns).executeTakeFirst()
}

/** One at a time in the whole deployment, until the transaction ends: questions such as "is this the last one?" need it. */
export async function lockOperators(trx: Trx): Promise<void> {
  await sql`select pg_advisory_xact_lock(7201, 2)`.execute(trx)
}

/** How many operator credentials there are, ended ones included; with a role: how many of it that have not ended. */
export async function countOperators(trx: Trx, liveRole?: string): Promise<number> {
  let query = trx
    .selectFrom('mayfly.credential')
    .select(eb => eb.fn.countAll<bigint>().as('count'))
    .where('kind', '=', 'operator')
  if (liveRole !== undefined) query = query.where('role', '=', liveRole).where('expires_at', '>', sql<Date>`clock_timestamp()`)
  return Number((await query.executeTakeFirstOrThrow()).count)
}

/** A new bootstrap token replaces every earlier one. */
export async function deleteBootstrapCredentials(trx: Trx): Promise<void> {
  await trx.deleteFrom('mayfly.credential').where('kind', '=', 'bootstrap').where('used_at', 'is', null).execute()
}

import { sql } from 'kysely'
import { arrayText } from '../array-text.ts'
import type { Db, Trx } from '../connect.ts'
import { joinPerson } from '../operators/people.ts'
import type { Executor } from '../unscoped-db.ts'
import { type Page, readPage } from './page.ts'

export type CredentialKind = 'bootstrap' | 'operator' | 'resource' | 'session' | 'console'

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
  readonly person_id: string | null
  readonly provider_id: string | null
  readonly made_by: string | null
  /** To the hour. */
  readonly last_used_at: Date | null
}

/** Who answers for a credential; all null where nobody who signed in does. */
export interface CredentialPerson {
  readonly person_tenant_id: string | null
  readonly issuer: string | null
  readonly subject: string | null
  readonly person_name: string | null
}

type Optional = 'person_id' | 'provider_id' | 'made_by'
export type NewCredentialRow = Omit<CredentialRow, 'created_at' | 'kind' | 'last_used_at' | Optional> &
  Partial<Pick<CredentialRow, Optional>> & { readonly kind: CredentialKind }

const columns = [
  'id',
  'kind',
  'tenant_id',
  'resource_id',
  'role',
  'name',
  'secret_hash',
  'created_at',
  'expires_at',
  'person_id',
  'provider_id',
  'made_by',
  'last_used_at',
] as const
const ofCredential = columns.map(column => `c.${column}` as const)

const selectWithPeople = (db: Db) =>
  db
    .selectFrom('mayfly.credential as c')
    .leftJoin(joinPerson('c.person_id').as('p'), join => join.onTrue())
    .select(ofCredential)
    .select(['p.tenant_id as person_tenant_id', 'p.issuer', 'p.subject', 'p.name as person_name'])

export function insertCredential(trx: Trx, row: NewCredentialRow): Promise<CredentialRow> {
  return trx.insertInto('mayfly.credential').values(row).returning(columns).executeTakeFirstOrThrow()
}

/** The credential of the handle's tenant with that hash, if it has not ended by the database's clock. */
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

export interface LiveCredentialRow extends CredentialRow, CredentialPerson {
  /** Whether `last_used_at` is as good as it gets. */
  readonly use_is_noted: boolean
}

/** As `findLiveCredential`, for many and of whichever tenant; by hex of the hash. */
export async function findLiveCredentials(
  db: Executor,
  kinds: readonly CredentialKind[],
  secretHashes: readonly string[],
): Promise<Map<string, LiveCredentialRow>> {
  const { rows } = await sql<LiveCredentialRow>`
    select * from across.find_credentials(${arrayText(kinds)}::text::text[], ${arrayText(secretHashes)}::text::text[])`.execute(
    db,
  )
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

/** Which credentials a caller may see: of one tenant, or of the deployment (`null`: those that belong to no tenant). */
export interface CredentialScope {
  readonly kind: CredentialKind
  readonly tenantId: string | null
  readonly resourceId?: string
}

export function listCredentials(db: Db, scope: CredentialScope, page: Page): Promise<(CredentialRow & CredentialPerson)[]> {
  const query = selectScope(db, scope)
  return readPage(query, page, 'c.id')
}

/** Operators' tokens of every tenant and of the deployment. */
export async function listAllOperators(db: Executor, page: Page): Promise<(CredentialRow & CredentialPerson)[]> {
  const { rows } = await sql<CredentialRow & CredentialPerson>`
    select ${sql.join(ofCredential.map(column => sql.ref(column)))}, p.tenant_id as person_tenant_id, p.issuer, p.subject, p.name as person_name
      from across.list_operators(${page.afterId ?? null}, ${page.limit}) c
      left join ${joinPerson('c.person_id')} p on true order by c.id`.execute(db)
  return rows
}

/** The tenant whose operator's token it is, null: the deployment's, or there is none. */
export async function findTenantOfOperator(db: Executor, credentialId: string): Promise<string | null> {
  const { rows } = await sql<{ tenant: string | null }>`select across.tenant_of_operator(${credentialId}) as tenant`.execute(db)
  return rows[0]!.tenant
}

export function findCredential(
  db: Db,
  scope: CredentialScope,
  id: string,
): Promise<(CredentialRow & CredentialPerson) | undefined> {
  return selectScope(db, scope).where('c.id', '=', id).executeTakeFirst()
}

function selectScope(db: Db, scope: CredentialScope) {
  let query = selectWithPeople(db).where('c.kind', '=', scope.kind)
  if (scope.tenantId === null) query = query.where('c.tenant_id', 'is', null)
  else query = query.where('c.tenant_id', '=', scope.tenantId)
  if (scope.resourceId !== undefined) query = query.where('c.resource_id', '=', scope.resourceId)
  return query
}

/** Notes that a credential was used, at most once an hour and to the hour: enough to find those that nobody uses. */
export async function noteUse(db: Db, id: string): Promise<void> {
  const hour = sql<Date>`date_trunc('hour', clock_timestamp())`
  await db
    .updateTable('mayfly.credential')
    .set({ last_used_at: hour })
    .where('id', '=', id)
    .where(eb => eb.or([eb('last_used_at', 'is', null), eb('last_used_at', '<', hour)]))
    .execute()
}

export type HeldCredential = Pick<CredentialRow, 'id' | 'kind' | 'role'>

/** Ends what people hold: sessions, of browsers too, and tokens of one person, or the sessions of one provider. */
export async function deleteHeld(
  trx: Trx,
  holder: { readonly personId: string } | { readonly providerId: string },
): Promise<HeldCredential[]> {
  const [person, provider] = 'personId' in holder ? [holder.personId, null] : [null, holder.providerId]
  const { rows } = await sql<HeldCredential>`select * from across.end_held(${person}, ${provider})`.execute(trx)
  return rows
}

/** The row that was deleted, or undefined when the scope holds none of that id. */
export function deleteCredential(trx: Trx, scope: CredentialScope, id: string): Promise<CredentialRow | undefined> {
  let query = trx.deleteFrom('mayfly.credential').where('id', '=', id).where('kind', '=', scope.kind)
  if (scope.tenantId === null) query = query.where('tenant_id', 'is', null)
  else query = query.where('tenant_id', '=', scope.tenantId)
  if (scope.resourceId !== undefined) query = query.where('resource_id', '=', scope.resourceId)
  return query.returning(columns).executeTakeFirst()
}

/** One at a time in the whole deployment, until the transaction ends: questions such as "is this the last one?" need it. */
export async function lockOperators(trx: Trx): Promise<void> {
  await sql`select pg_advisory_xact_lock(7201, 2)`.execute(trx)
}

/** How many operator credentials there are in all, ended ones included; with a role: how many of it that have not ended. */
export async function countOperators(trx: Trx, liveRole?: string): Promise<number> {
  const { rows } = await sql<{ count: bigint }>`select across.count_operators(${liveRole ?? null}) as count`.execute(trx)
  return Number(rows[0]!.count)
}

/** A new bootstrap token replaces every earlier one. */
export async function deleteBootstrapCredentials(trx: Trx): Promise<void> {
  await trx.deleteFrom('mayfly.credential').where('kind', '=', 'bootstrap').where('used_at', 'is', null).execute()
}

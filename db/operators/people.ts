import { sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'
import { type Page, readPage } from '../registry/page.ts'
import { deploymentScope } from '../tenant-driver.ts'
import { withTenant } from '../with-tenant.ts'

export interface PersonRow {
  readonly id: string
  readonly tenant_id: string | null
  readonly issuer: string
  readonly subject: string
  readonly name: string | null
  readonly email: string | null
  readonly created_at: Date
  readonly seen_at: Date
}

export type SeenPerson = Pick<PersonRow, 'id' | 'tenant_id' | 'issuer' | 'subject' | 'name' | 'email'>

const columns = ['id', 'tenant_id', 'issuer', 'subject', 'name', 'email', 'created_at', 'seen_at'] as const

/** The person with this issuer and subject, made with this id when it was never seen; name and address are what they are now. */
export function keepPerson(trx: Trx, person: SeenPerson): Promise<PersonRow> {
  const shown = { name: person.name, email: person.email, seen_at: sql<Date>`clock_timestamp()`, left_at: null }
  return trx
    .insertInto('mayfly.person')
    .values({ ...person })
    .onConflict(conflict => conflict.columns(['tenant_id', 'issuer', 'subject']).doUpdateSet(shown))
    .returning(columns)
    .executeTakeFirstOrThrow()
}

/** Notes that somebody left; signing in again takes it back. */
export async function notePersonLeft(trx: Trx, id: string, tenantId: string | null): Promise<void> {
  await trx
    .updateTable('mayfly.person')
    .set({ left_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('tenant_id', 'is not distinct from', tenantId)
    .execute()
}

export function findPerson(db: Db, id: string, tenantId: string | null): Promise<PersonRow | undefined> {
  return db
    .selectFrom('mayfly.person')
    .select(columns)
    .where('id', '=', id)
    .where('tenant_id', 'is not distinct from', tenantId)
    .executeTakeFirst()
}

export function listPeople(db: Db, tenantId: string | null, page: Page): Promise<PersonRow[]> {
  const query = db.selectFrom('mayfly.person').select(columns).where('tenant_id', 'is not distinct from', tenantId)
  return readPage(query, page)
}

/**
 * How somebody is called who did something in a tenant, also where it is a person of the deployment, whose row the tenant does not
 * see. column: of a table that is selected from. To be joined.
 */
export const joinPerson = (column: string) =>
  sql<Pick<PersonRow, 'tenant_id' | 'issuer' | 'subject' | 'name'>>`across.find_person(${sql.ref(column)})`

/**
 * Uses up an ID token, for the whole deployment: one that opened a session in one tenant opens none in another. Of transactions that try at the same time the later ones wait for the first, so exactly one gets true.
 * hash: SHA-256 of what its signature covers. untilSeconds: when it would be refused as too old, seconds since the epoch.
 */
export async function useIdTokenOnce(trx: Trx, hash: Buffer, untilSeconds: number): Promise<boolean> {
  const insert = trx
    .insertInto('mayfly.replay')
    .values({ tenant_id: deploymentScope, kind: 'id_token', hash, expires_at: new Date((Math.ceil(untilSeconds) + 60) * 1000) })
    .onConflict(conflict => conflict.doNothing())
  const result = await withTenant(trx, null, () => insert.executeTakeFirst())
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
}

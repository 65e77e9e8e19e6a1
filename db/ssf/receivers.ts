import { sql } from 'kysely'
import { arrayText } from '../array-text.ts'
import type { Db, Trx } from '../connect.ts'
import { type Page, readPage } from '../registry/page.ts'
import type { Executor } from '../unscoped-db.ts'

export interface ReceiverRow {
  readonly id: string
  readonly tenant_id: string
  readonly name: string
  readonly audience: string
  readonly ca_pem: string | null
  readonly expires_at: Date
  readonly created_at: Date
}

const columns = ['id', 'tenant_id', 'name', 'audience', 'ca_pem', 'expires_at', 'created_at'] as const

export interface NewReceiverRow {
  readonly id: string
  readonly tenant_id: string
  readonly name: string
  readonly audience: string
  readonly ca_pem: string | null
  readonly secret_hash: Buffer
  readonly expires_at: Date
}

export function insertReceiver(trx: Trx, row: NewReceiverRow): Promise<ReceiverRow> {
  return trx.insertInto('mayfly.ssf_receiver').values(row).returning(columns).executeTakeFirstOrThrow()
}

export function listReceivers(db: Db, tenantId: string, page: Page): Promise<ReceiverRow[]> {
  const query = db.selectFrom('mayfly.ssf_receiver').select(columns).where('tenant_id', '=', tenantId)
  return readPage(query, page)
}

export function findReceiver(db: Db, id: string, tenantId: string): Promise<ReceiverRow | undefined> {
  return db
    .selectFrom('mayfly.ssf_receiver')
    .select(columns)
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
}

/** Its streams go with it. */
export async function deleteReceiver(trx: Trx, id: string, tenantId: string): Promise<boolean> {
  const query = trx.deleteFrom('mayfly.ssf_receiver').where('id', '=', id).where('tenant_id', '=', tenantId)
  return (await query.executeTakeFirst()).numDeletedRows > 0n
}

/** Gives it another secret; the one before works for so long. Undefined: there is none. */
export function renewReceiverSecret(
  trx: Trx,
  which: { readonly id: string; readonly tenantId: string },
  secret: { readonly hash: Buffer; readonly expiresAt: Date; readonly overlapSeconds: number },
): Promise<ReceiverRow | undefined> {
  return trx
    .updateTable('mayfly.ssf_receiver')
    .set(eb => ({
      previous_hash: eb.ref('secret_hash'),
      previous_until: sql<Date>`clock_timestamp() + make_interval(secs => ${secret.overlapSeconds})`,
      secret_hash: secret.hash,
      expires_at: secret.expiresAt,
    }))
    .where('id', '=', which.id)
    .where('tenant_id', '=', which.tenantId)
    .returning(columns)
    .executeTakeFirst()
}

export interface ReceiverOfSecret {
  readonly id: string
  readonly tenantId: string
  readonly audience: string
  readonly secretHash: Buffer
}

/** Receivers of whichever tenant whose secrets these are, by hex of the hash; ended ones are unknown ones. */
export async function findReceiversOfSecrets(db: Executor, hashes: readonly string[]): Promise<Map<string, ReceiverOfSecret>> {
  const { rows } = await sql<ReceiverOfSecret>`
    select id, tenant_id as "tenantId", audience, secret_hash as "secretHash"
      from across.find_receivers(${arrayText(hashes)}::text::text[])`.execute(db)
  return new Map(rows.map(row => [row.secretHash.toString('hex'), row]))
}

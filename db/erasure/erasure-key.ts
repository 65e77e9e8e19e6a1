import { sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'
import type { Executor } from '../unscoped-db.ts'

/** A tenant's key for the ledger of erasures (`core/audit/erasure/ledger-key.ts`). */
export interface ErasureKeyRow {
  readonly id: string
  readonly tenant_id: string
  readonly step: number
  readonly key_sealed: Buffer
  readonly kek_id: string
}

export type NewErasureKey = Omit<ErasureKeyRow, 'step'>

const columns = ['id', 'tenant_id', 'step', 'key_sealed', 'kek_id'] as const

/** The key of the handle's tenant, held until the transaction ends. */
export function lockErasureKey(trx: Trx): Promise<ErasureKeyRow | undefined> {
  return trx.selectFrom('mayfly.erasure_key').select(columns).forUpdate().executeTakeFirst()
}

export function findErasureKey(db: Db): Promise<ErasureKeyRow | undefined> {
  return db.selectFrom('mayfly.erasure_key').select(columns).executeTakeFirst()
}

/** Nothing where the tenant has one. */
export async function insertErasureKey(trx: Trx, row: NewErasureKey): Promise<void> {
  await trx
    .insertInto('mayfly.erasure_key')
    .values(row)
    .onConflict(conflict => conflict.column('tenant_id').doNothing())
    .execute()
}

export async function storeErasureKey(
  trx: Trx,
  { id, step, key_sealed, kek_id }: Omit<ErasureKeyRow, 'tenant_id'>,
): Promise<void> {
  await trx.updateTable('mayfly.erasure_key').set({ step, key_sealed, kek_id }).where('id', '=', id).execute()
}

export async function tenantsWithoutErasureKey(db: Executor, limit: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id from across.tenants_without_erasure_key(${limit})`.execute(db)
  return rows.map(({ id }) => id)
}

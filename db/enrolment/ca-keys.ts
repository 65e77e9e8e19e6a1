import { sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'

/** A CA key that is not retired. */
export interface CaKeyRow {
  readonly id: string
  readonly tenantId: string
  readonly kid: string
  readonly alg: string
  readonly certificatePem: string
  /** PKCS #8 DER, sealed. */
  readonly privateSealed: Buffer
  readonly kekId: string
}

/** state and nowMs: as for `insertSigningKey`. */
export async function insertCaKey(trx: Trx, row: CaKeyRow, state: 'active' | 'next', nowMs: number): Promise<void> {
  const state_since = sql<Date>`greatest(to_timestamp(${nowMs / 1000}), clock_timestamp())`
  await trx
    .insertInto('mayfly.ca_key')
    .values({
      id: row.id,
      tenant_id: row.tenantId,
      kid: row.kid,
      alg: row.alg,
      certificate_pem: row.certificatePem,
      private_sealed: row.privateSealed,
      kek_id: row.kekId,
      state,
      state_since,
    })
    .execute()
}

/** The key that signs now; undefined: the tenant has no CA. */
export async function findActiveCaKey(db: Db, tenantId: string): Promise<CaKeyRow | undefined> {
  const row = await db
    .selectFrom('mayfly.ca_key')
    .select(['id', 'tenant_id', 'kid', 'alg', 'certificate_pem', 'private_sealed', 'kek_id'])
    .where('tenant_id', '=', tenantId)
    .where('state', '=', 'active')
    .executeTakeFirst()
  return (
    row && {
      id: row.id,
      tenantId: row.tenant_id,
      kid: row.kid,
      alg: row.alg,
      certificatePem: row.certificate_pem,
      privateSealed: row.private_sealed!,
      kekId: row.kek_id!,
    }
  )
}

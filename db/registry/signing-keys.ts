import { sql } from 'kysely'
import type { Trx } from '../connect.ts'

export interface NewSigningKeyRow {
  readonly id: string
  readonly tenant_id: string
  readonly kid: string
  readonly alg: string
  readonly public_jwk: unknown
  readonly private_sealed: Buffer
  readonly kek_id: string
}

/** state: `active` for a tenant's first keys and in an emergency, else `next`. nowMs: as for `stepKey`. */
export async function insertSigningKey(trx: Trx, row: NewSigningKeyRow, state: 'active' | 'next', nowMs: number): Promise<void> {
  const state_since = sql<Date>`greatest(to_timestamp(${nowMs / 1000}), clock_timestamp())`
  await trx
    .insertInto('mayfly.signing_key')
    .values({ ...row, state, state_since })
    .execute()
}

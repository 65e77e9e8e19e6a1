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

export async function insertSigningKey(trx: Trx, row: NewSigningKeyRow): Promise<void> {
  await trx.insertInto('mayfly.signing_key').values(row).execute()
}

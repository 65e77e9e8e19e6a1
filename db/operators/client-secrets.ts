import type { Db, Trx } from '../connect.ts'

/** What a provider knows a browser's client by, sealed; `id` is the provider's. */
export interface ClientSecretRow {
  readonly id: string
  readonly tenant_id: string
  readonly secret_sealed: Buffer
  readonly kek_id: string
}

export async function keepClientSecret(trx: Trx, row: ClientSecretRow): Promise<void> {
  const { secret_sealed, kek_id } = row
  await trx
    .insertInto('mayfly.sign_in_client_secret')
    .values({ ...row })
    .onConflict(conflict => conflict.column('id').doUpdateSet({ secret_sealed, kek_id }))
    .execute()
}

export async function deleteClientSecret(trx: Trx, id: string, tenantId: string): Promise<boolean> {
  const result = await trx
    .deleteFrom('mayfly.sign_in_client_secret')
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

export function findClientSecret(db: Db, id: string, tenantId: string): Promise<ClientSecretRow | undefined> {
  return db
    .selectFrom('mayfly.sign_in_client_secret')
    .select(['id', 'tenant_id', 'secret_sealed', 'kek_id'])
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
}

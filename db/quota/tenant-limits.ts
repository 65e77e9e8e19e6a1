import type { Db, Trx } from '../connect.ts'

type Said = Readonly<Record<string, number | null>>

export interface TenantLimitsRow {
  readonly granted: Said
  readonly own: Said
}

/** What was said of a tenant's limits; both empty when nothing was. */
export async function findTenantLimits(db: Db, tenantId: string): Promise<TenantLimitsRow> {
  const row = await db
    .selectFrom('mayfly.tenant_limits')
    .select(['granted', 'own'])
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
  return { granted: (row?.granted ?? {}) as Said, own: (row?.own ?? {}) as Said }
}

/** Replaces one part; raises the tenant's config epoch. */
export async function putTenantLimits(trx: Trx, tenantId: string, part: keyof TenantLimitsRow, said: Said): Promise<void> {
  const values = { [part]: said, updated_at: new Date() }
  await trx
    .insertInto('mayfly.tenant_limits')
    .values({ tenant_id: tenantId, ...values })
    .onConflict(conflict => conflict.column('tenant_id').doUpdateSet(values))
    .execute()
}

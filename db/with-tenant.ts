import { sql } from 'kysely'
import type { Trx } from './connect.ts'
import { scopeValue } from './tenant-driver.ts'

/**
 * Does the work of one transaction in another tenant, then goes on in the one that it began in: for what a platform-admin does to a
 * tenant. tenantId: as for `UnscopedDb.forTenant`.
 */
export async function withTenant<T>(trx: Trx, tenantId: string | null, work: () => Promise<T>): Promise<T> {
  const { rows } = await sql<{ was: string }>`
    select coalesce(current_setting('mayfly.tenant', true), '') as was, set_config('mayfly.tenant', ${scopeValue(tenantId)}, true)`.execute(
    trx,
  )
  const goBack = () => sql`select set_config('mayfly.tenant', ${rows[0]!.was}, true)`.execute(trx)
  try {
    const result = await work()
    await goBack()
    return result
  } catch (error) {
    // Where the database has refused something, the transaction is good for nothing but its end, and so is its tenant.
    await goBack().catch(() => {})
    throw error
  }
}

import type { Db } from '../connect.ts'

/** `spiffe://…`, the issuer of the tenant's built-in CA; undefined: it has none yet. */
export async function findCaIssuer(db: Db, tenantId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('mayfly.trust_source')
    .select('issuer')
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', 'builtin_ca')
    .executeTakeFirst()
  return row?.issuer ?? undefined
}

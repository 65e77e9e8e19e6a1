import type { Db, Trx } from '../connect.ts'

export async function insertConsoleSession(
  trx: Trx,
  row: { readonly credentialId: string; readonly tenantId: string; readonly groups: readonly string[] },
): Promise<void> {
  await trx
    .insertInto('mayfly.console_session')
    .values({ credential_id: row.credentialId, tenant_id: row.tenantId, groups: row.groups })
    .execute()
}

/** The groups that the provider named at the sign-in of this session. */
export async function readSessionGroups(db: Db, tenantId: string, credentialId: string): Promise<readonly string[]> {
  const row = await db
    .selectFrom('mayfly.console_session')
    .select('groups')
    .where('credential_id', '=', credentialId)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
  return (row?.groups as readonly string[] | undefined) ?? []
}

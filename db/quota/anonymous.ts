import type { Db, Trx } from '../connect.ts'

/** uuid of the agent whose accounts strangers get; undefined: this tenant takes none. */
export async function findAnonymousAgent(db: Db, tenantId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('mayfly.anonymous_opening')
    .select('agent_id')
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
  return row?.agent_id
}

/** Throws a unique violation where another tenant takes strangers. */
export async function putAnonymousAgent(trx: Trx, tenantId: string, agentId: string): Promise<void> {
  await deleteAnonymousAgent(trx, tenantId)
  await trx.insertInto('mayfly.anonymous_opening').values({ tenant_id: tenantId, agent_id: agentId }).execute()
}

export async function deleteAnonymousAgent(trx: Trx, tenantId: string): Promise<boolean> {
  const { numDeletedRows } = await trx.deleteFrom('mayfly.anonymous_opening').where('tenant_id', '=', tenantId).executeTakeFirst()
  return numDeletedRows > 0n
}

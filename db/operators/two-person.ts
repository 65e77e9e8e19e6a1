import type { Db, Trx } from '../connect.ts'

/** The classes of changes that need two people in a tenant; undefined when there is no such tenant. */
export async function findTwoPerson(db: Db, tenantId: string): Promise<string[] | undefined> {
  const row = await db.selectFrom('mayfly.tenant').select('two_person').where('id', '=', tenantId).executeTakeFirst()
  return row && (row.two_person as string[])
}

/** The same under the lock that every change to a tenant's registry takes: the rule cannot be turned on or off meanwhile. */
export async function lockTwoPerson(trx: Trx, tenantId: string): Promise<string[] | undefined> {
  const row = await trx
    .selectFrom('mayfly.tenant')
    .select('two_person')
    .where('id', '=', tenantId)
    .forNoKeyUpdate()
    .executeTakeFirst()
  return row && (row.two_person as string[])
}

export async function updateTwoPerson(trx: Trx, tenantId: string, classes: readonly string[]): Promise<void> {
  await trx.updateTable('mayfly.tenant').set({ two_person: classes }).where('id', '=', tenantId).execute()
}

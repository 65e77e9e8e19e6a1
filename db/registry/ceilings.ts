import type { Trx } from '../connect.ts'
import type { UnscopedDb } from '../unscoped-db.ts'

/**
 * The id of the ceiling with these bytes, stored now if it never was. hash: SHA-256 of `permission`, which is canonical JSON.
 * Never changed or deleted, so an id stands for the same permission for ever.
 */
export async function keepCeiling(trx: Trx, hash: Buffer, permission: string): Promise<bigint> {
  const find = () => trx.selectFrom('mayfly.ceiling').select('id').where('hash', '=', hash).executeTakeFirst()
  const known = await find()
  if (known) return known.id
  // Another transaction may store the same at the same time: then ours waits, inserts nothing, and reads theirs.
  const made = await trx
    .insertInto('mayfly.ceiling')
    .values({ hash, permission })
    .onConflict(conflict => conflict.column('hash').doNothing())
    .returning('id')
    .executeTakeFirst()
  return (made ?? (await find()))!.id
}

/** `keepCeiling` in a transaction of its own: ceilings belong to no tenant, and one that nobody uses does no harm. */
export async function storeCeiling(db: UnscopedDb, hash: Buffer, permission: string): Promise<string> {
  const id = await db
    .forTenant(null)
    .transaction()
    .execute(trx => keepCeiling(trx, hash, permission))
  return String(id)
}

import type { Db } from '../connect.ts'

/** The sealed key of a foreign subject, by its id; undefined: erased, or another tenant's. */
export function findSubjectKey(
  db: Db,
  id: string,
): Promise<
  { readonly id: string; readonly tenant_id: string; readonly key_sealed: Buffer; readonly kek_id: string } | undefined
> {
  return db
    .selectFrom('mayfly.subject_key')
    .select(['id', 'tenant_id', 'key_sealed', 'kek_id'])
    .where('id', '=', id)
    .executeTakeFirst()
}

import { sql } from 'kysely'
import type { Db } from '../connect.ts'
import type { NewSubjectKey } from '../log/append.ts'

/** False: the subject has a key already, which stays. db: of the tenant. */
export async function insertSubjectKey(db: Db, { id, tenant, subject, sealed, kek }: NewSubjectKey): Promise<boolean> {
  const result = await sql`
    insert into mayfly.subject_key (id, tenant_id, subject_hash, key_sealed, kek_id)
      values (${id}, ${tenant}, decode(${subject}, 'hex'), decode(${sealed}, 'hex'), ${kek})
      on conflict (tenant_id, subject_hash) do nothing`.execute(db)
  return result.numAffectedRows === 1n
}

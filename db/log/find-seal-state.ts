import { sql } from 'kysely'
import type { Executor } from '../unscoped-db.ts'
import type { SealState } from './seal.ts'

/** As `findSealState`, for who holds no pool of the hot functions. */
export async function findSealStateNow(db: Executor): Promise<SealState | undefined> {
  const { rows } = await sql<Omit<SealState, 'fault'> & { fault: string | null }>`
    select shard::text, head_size::float8 as "headSize", sealed_shard::text as "sealedShard", sealed_size::float8 as "sealedSize", origin,
           verifier_key as "verifierKey", heard_ms as "heardMs", fault, witnesses, lag_ms as "lagMs"
      from log.seal_state()`.execute(db)
  const row = rows[0]
  return row && { ...row, fault: row.fault ?? undefined }
}

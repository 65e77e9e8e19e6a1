// The second half: keys to sign with, and erasures that the backup knows nothing of. Each step looks at what is missing, so
// whoever dies here is followed by whoever starts next, and a step that is done twice changes nothing.

import type { Sql } from 'postgres'
import type { RotatingUse } from '#core/keys/rotation/rotating-use.ts'
import { replaceKeys } from '#core/keys/rotation/steps.ts'
import { type Fork, findTenantsWithoutKey, finishFork } from '#db/restore/forks.ts'
import { readClock } from '#db/server/check-server.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'

export interface FinishDeps {
  readonly sql: Sql
  readonly db: UnscopedDb
  /** Of task tokens' keys. */
  readonly signing: RotatingUse
  /** Erases again whoever was erased since the backup, from the ledger outside; answers how many. Undefined: there is no ledger. */
  readonly replayErasures: (() => Promise<number>) | undefined
}

export interface FinishedRestore {
  /** How many keys were made. */
  readonly keys: number
  /** How many erasures were made again; undefined: nobody keeps a ledger. */
  readonly erasures: number | undefined
}

/** Throws where a step failed: the fork then stays unfinished, and nobody is served. */
export async function finishRestore(
  { sql, db, signing, replayErasures }: FinishDeps,
  fork: Pick<Fork, 'id'>,
): Promise<FinishedRestore> {
  const erasures = await replayErasures?.()
  const missing = await findTenantsWithoutKey(sql, signing.algs)
  for (const { tenantId, alg } of missing) {
    const nowMs = await readClock(sql)
    const fresh = await signing.create(tenantId, alg, nowMs)
    await db
      .forTenant(tenantId)
      .transaction()
      .execute(trx => replaceKeys(trx, signing, fresh, { tenantId, alg, nowMs, facts: { by: 'restore' } }))
  }
  await finishFork(sql, fork.id)
  return { keys: missing.length, erasures }
}

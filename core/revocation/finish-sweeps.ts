import { dropSweeps, findIdleSweeps, type SweepName } from '#db/revocation/sweeps.ts'
import type { Executor } from '#db/unscoped-db.ts'
import { type SweepingDeps, sweepRevoked } from './sweep.ts'

export interface FinishingDeps extends SweepingDeps {
  /** Sees no tenant's rows; the functions that are called look across. */
  readonly db: Executor
  /** After so many seconds without a sign of life whoever was at it is taken for dead; 5 when nothing is said. */
  readonly idleSeconds?: number | undefined
  /** Told of a sweep that failed; the others go on. */
  readonly complain: (error: unknown, sweep: SweepName) => void
}

const atOnce = 100
/** How long it is told what became of accounts after they ended. */
const keptSeconds = 30 * 86_400

/** Goes on with every sweep that nobody works on any more, in all tenants; returns how many accounts ended. Throws when the database cannot be asked. */
export async function finishSweeps(deps: FinishingDeps): Promise<number> {
  const { db, idleSeconds = 5, complain } = deps
  let ended = 0
  for (const sweep of await findIdleSweeps(db, idleSeconds, atOnce))
    ended += await sweepRevoked(deps, sweep).catch(error => {
      complain(error, sweep)
      return 0
    })
  await dropSweeps(db, keptSeconds)
  return ended
}

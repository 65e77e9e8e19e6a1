// Accounts behind revocations of agents, trust sources and tenants: the broker that revoked begins to end them; here is seen to it that
// all do, also when that broker died, or nobody began.

import type { Logger } from 'pino'
import { sparingly } from '#apps/process/sparingly.ts'
import { within } from '#apps/process/within.ts'
import { formatId } from '#core/ids/id.ts'
import { oneAtATime } from '#core/reaper/one-at-a-time.ts'
import { finishSweeps } from '#core/revocation/finish-sweeps.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import type { Database } from '#db/connect.ts'

const everyMs = 2_000
const goodbyeMs = 2_000

export interface RevocationSweeps {
  /** Goes on with what nobody works on now; returns how many accounts ended. */
  finish(): Promise<number>
  /** Ends between two batches. */
  close(): Promise<void>
}

/** idleSeconds: after how long whoever was at it is taken for dead. */
export function startRevocationSweeps(database: Database, logger: Logger, idleSeconds?: number): RevocationSweeps {
  const ending = new AbortController()
  const finish = oneAtATime(async () => {
    const ended = await finishSweeps({
      db: database.db,
      dbOf: tenantId => database.db.forTenant(tenantId),
      transition: changes => transitionAccounts(database.sql, changes),
      signal: ending.signal,
      idleSeconds,
      complain: (err, { id }) =>
        logger.error(
          { err, revocation: formatId('revocation', id) },
          'the accounts behind a revocation could not be ended; it is tried again',
        ),
    })
    if (ended > 0) logger.info({ ended }, 'accounts behind revocations have ended')
    return ended
  })
  const failed = sparingly<unknown>(err => logger.error({ err }, 'accounts behind revocations are not ended; it is tried again'))
  const round = (): void => void finish().catch(failed)
  round()
  const timer = setInterval(round, everyMs)
  return {
    finish,
    async close() {
      clearInterval(timer)
      ending.abort()
      await within(
        goodbyeMs,
        finish().catch(() => {}),
      )
    },
  }
}

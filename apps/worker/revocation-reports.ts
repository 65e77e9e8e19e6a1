import type { Logger } from 'pino'
import { sparingly } from '#apps/process/sparingly.ts'
import { within } from '#apps/process/within.ts'
import { oneAtATime } from '#core/reaper/one-at-a-time.ts'
import { patienceSeconds, reportAcknowledgements } from '#core/revocation/report-acknowledgements.ts'
import type { Database } from '#db/connect.ts'
import { readUnreported } from '#db/revocation/reports.ts'
import { readClock } from '#db/server/check-server.ts'

const everyMs = 2_000
const goodbyeMs = 2_000
const batch = 100

export interface RevocationReports {
  /** Tells the log of revocations that have reached everybody; returns of how many. */
  report(): Promise<number>
  close(): Promise<void>
}

/** patience: seconds for which a guard is waited for. */
export function startRevocationReports(
  { db, sql }: Pick<Database, 'db' | 'sql'>,
  logger: Logger,
  patience = patienceSeconds,
): RevocationReports {
  const report = oneAtATime(async () => {
    const databaseMs = await readClock(sql)
    return reportAcknowledgements({
      read: () => readUnreported(sql, batch, patience),
      dbOf: tenantId => db.forTenant(tenantId),
      nowMs: () => databaseMs,
    })
  })
  const failed = sparingly<unknown>(err =>
    logger.error({ err }, 'the log was not told how revocations arrived; it is tried again'),
  )
  const round = (): void => void report().catch(failed)
  round()
  const timer = setInterval(round, everyMs)
  return {
    report,
    async close() {
      clearInterval(timer)
      await within(
        goodbyeMs,
        report().catch(() => {}),
      )
    },
  }
}

// How long a revocation took to reach every guard is asked long after the feed has forgotten it. So the log is told, once for each:
// when all have acknowledged that were listening at its commit, or when a minute is over and some are missing.

import { recordEvent } from '#core/audit/record.ts'
import { formatId } from '#core/ids/id.ts'
import type { Db } from '#db/connect.ts'
import { keepReport, type UnreportedRevocation } from '#db/revocation/reports.ts'

/** How long a guard is waited for. Any that is alive has said something by then, or refuses everything. */
export const patienceSeconds = 60

export interface ReportDeps {
  /** `readUnreported` bound to a connection. */
  readonly read: () => Promise<UnreportedRevocation[]>
  readonly dbOf: (tenantId: string) => Db
  /** The database's clock, milliseconds since the epoch. */
  readonly nowMs: () => number
}

/** Reports what is ready. Returns how many events it wrote: of what nobody listened to, none. */
export async function reportAcknowledgements({ read, dbOf, nowMs }: ReportDeps): Promise<number> {
  const held = new Set<string>()
  let written = 0
  for (const revocation of await read()) {
    const { tenantId, ready } = revocation
    // In the order of epochs: one that waits holds up what came behind it.
    if (!ready) held.add(tenantId)
    if (held.has(tenantId)) continue
    const isFirst = await dbOf(tenantId)
      .transaction()
      .execute(async trx => {
        if (!(await keepReport(trx, revocation)) || revocation.receivers === 0) return false
        await recordEvent(trx, { type: 'revocation.acknowledged', tenantId, facts: factsOf(revocation) }, nowMs())
        return true
      })
    if (isFirst) written++
  }
  return written
}

function factsOf({ id, epoch, atSeconds, receivers, acknowledged, firstMs, lastMs }: UnreportedRevocation) {
  return {
    revocation: formatId('revocation', id),
    epoch,
    revoked_at: atSeconds,
    receivers,
    acknowledged,
    missing: receivers - acknowledged,
    ...(firstMs !== null && { first_ms: Math.round(firstMs * 10) / 10 }),
    ...(lastMs !== null && { last_ms: Math.round(lastMs * 10) / 10 }),
  }
}

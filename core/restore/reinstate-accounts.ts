// Held accounts that go on where they stopped: because somebody looked at them, or because their deadline has passed meanwhile,
// so that they are over and can be collected.

import type { FactsOf } from '#core/audit/catalogue/catalogue.ts'
import { prepareEvent } from '#core/audit/event.ts'
import type { Database } from '#db/connect.ts'
import { findOverdueHolds, type HeldAccount, reinstateHeldAccounts } from '#db/restore/held.ts'
import { readClock } from '#db/server/check-server.ts'
import type { Executor } from '#db/unscoped-db.ts'

/** So many share a commit. */
const reinstateBatch = 500

/** facts: who lets them (`actorFacts`). Answers for each whether it was held. accounts: at most 500, each once. */
export function reinstateAccounts(
  db: Executor,
  accounts: readonly HeldAccount[],
  facts: FactsOf<'account.reinstated'>,
  nowMs: number,
): Promise<boolean[]> {
  return reinstateHeldAccounts(
    db,
    accounts.map(({ id, tenantId, agentId }) => ({
      id,
      tenantId,
      event: prepareEvent({ type: 'account.reinstated', tenantId, agentId, accountId: id, facts }, nowMs),
    })),
  )
}

/** Lets those go whose deadline has passed: they are expired now, which the reaper sees to. Returns how many. */
export async function releaseOverdueHolds({ db, sql }: Pick<Database, 'db' | 'sql'>): Promise<number> {
  let released = 0
  for (;;) {
    const overdue = await findOverdueHolds(db, reinstateBatch)
    if (overdue.length === 0) return released
    const done = await reinstateAccounts(db, overdue, { by: 'deadline' }, await readClock(sql))
    const count = done.filter(Boolean).length
    released += count
    if (overdue.length < reinstateBatch || count === 0) return released
  }
}

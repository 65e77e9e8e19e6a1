import type { SweepDeps } from '#core/reaper/sweep.ts'
import { readDueAccounts, readEndedAccounts } from '#db/accounts/due.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import type { Database } from '#db/connect.ts'

/** What `sweepAccounts` needs, on a real database. An account that cannot be collected fails the test. */
export function sweepDepsOf({ sql }: Pick<Database, 'sql'>, changes: Partial<SweepDeps> = {}): SweepDeps {
  return {
    transition: transitionAccounts.bind(undefined, sql),
    readDue: readDueAccounts.bind(undefined, sql),
    readEnded: readEndedAccounts.bind(undefined, sql),
    complain: error => {
      throw error
    },
    ...changes,
  }
}

import type { Logger } from 'pino'
import type { HistoryWatch } from '#apps/process/history-watch.ts'
import type { AccountStore } from '#core/account/account-store.ts'
import type { Failpoint } from '#core/audit/failpoint.ts'
import { GroupCommit } from '#core/audit/group-commit.ts'
import type { DatabaseClock } from '#core/time/database-clock.ts'
import { type Database, openDatabase } from '#db/connect.ts'
import { type AppendOutcome, type AppendRequest, appendBatch } from '#db/log/append.ts'
import type { DeadlineAnnouncer } from './announce-deadlines.ts'

const countAppended = (requests: readonly AppendRequest[], outcomes: readonly AppendOutcome[]): number =>
  requests.reduce((sum, { events }, at) => sum + (outcomes[at] === 'appended' ? events.length : 0), 0)

/** The log has a connection of its own, so that nothing else can stand in its way; one that hangs is dropped for another. */
export function openLog(options: {
  readonly url: string
  readonly clock: DatabaseClock
  readonly logger: Logger
  readonly failpoint: Failpoint | undefined
  readonly accounts: AccountStore
  readonly deadlines: DeadlineAnnouncer
  readonly history: HistoryWatch
}): { log: GroupCommit; close: () => Promise<void> } {
  const { url, clock, logger, failpoint, accounts, deadlines, history } = options
  const open = (): Database => openDatabase(url, { poolSize: 1, applicationName: 'mayfly-log', statementTimeoutMs: 2_000 })
  let database = open()
  const log = new GroupCommit({
    clock,
    failpoint,
    commit: async requests => {
      const answer = await history.watched(
        () => appendBatch(database.sql, requests),
        ({ firstPosition, outcomes }) => ({ firstPosition, leaves: countAppended(requests, outcomes) }),
      )
      for (const account of answer.existing) accounts.remember(account)
      requests.forEach(({ opening }, index) => {
        if (opening && answer.outcomes[index] === 'appended') deadlines.note(opening.deadline)
      })
      return answer
    },
    reconnect: () => {
      logger.warn('the audit log does not answer; dropping its connection')
      const hung = database
      database = open()
      void hung.sql.end({ timeout: 0 }).catch(() => {})
    },
  })
  return { log, close: () => database.close() }
}

// What is done now and then: collecting what has expired, making the log's next partitions, rotating keys, suspending claimed
// accounts that nobody looks after. Each chore runs as a scheduled job and, in case hints stop coming, by a slow timer of its own.

import type { Logger } from 'pino'
import type { Queues } from '#apps/process/queues.ts'
import { sparingly } from '#apps/process/sparingly.ts'
import { within } from '#apps/process/within.ts'
import { suspendUnattended } from '#core/claim/suspend-claims.ts'
import { releaseOverdueHolds } from '#core/restore/reinstate-accounts.ts'
import { dropTombstones } from '#db/accounts/due.ts'
import { retryParkedOutbox } from '#db/accounts/outbox.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import type { Database } from '#db/connect.ts'
import { dropFeedHistory } from '#db/feed/drop-history.ts'
import { deleteExpired, ensurePartitions, type Housekeeping } from '#db/housekeeping/delete-expired.ts'
import { forgetQuota } from '#db/quota/fold-usage.ts'
import { readClock } from '#db/server/check-server.ts'
import { tombstoneSecondsOf, type WorkerConfig } from './config.ts'
import { type KeyRound, tendKeys } from './keys.ts'

const jobEveryMs = 60_000
const timerEveryMs = 10 * 60_000
const queueName = 'housekeeping'
const goodbyeMs = 2_000

export interface Chores {
  /** Runs the housekeeping now. */
  sweep(): Promise<Housekeeping>
  /** Looks after the keys now. */
  tendKeys(): Promise<KeyRound>
  /** Finishes the chore under way, then ends. */
  close(): Promise<void>
}

export interface ChoresDeps {
  readonly config: WorkerConfig
  readonly database: Database
  readonly logger: Logger
  readonly queues: Queues
}

export function startChores(deps: ChoresDeps): Chores {
  const { config, database, logger, queues } = deps
  const sweep = (): Promise<Housekeeping> => keepHouse(deps)
  const tend = (): Promise<KeyRound> => tendKeys(database, config, logger)
  const chores: Readonly<Record<string, () => Promise<unknown>>> = {
    housekeeping: sweep,
    keys: tend,
    claims: () => tendClaims(deps),
  }
  const queue = queues.queue(queueName)
  const worker = queues.worker(queueName, job => chores[job.name]?.() ?? Promise.resolve())
  const complain = sparingly(error => logger.warn({ err: error }, 'the queue backend failed; work goes on by the timer'))
  queue.on('error', complain)
  worker.on('error', complain)
  worker.on('failed', (job, error) => logger.error({ err: error, chore: job?.name }, 'a chore failed'))
  const names = Object.keys(chores)
  const scheduled = Promise.all(names.map(name => queue.upsertJobScheduler(name, { every: jobEveryMs }, { name }))).catch(error =>
    logger.warn({ err: error }, 'chores could not be scheduled; work goes on by the timer'),
  )
  const timer = setInterval(() => {
    for (const name of names) chores[name]!().catch(error => logger.error({ err: error, chore: name }, 'a chore failed'))
  }, timerEveryMs).unref()
  return {
    sweep,
    tendKeys: tend,
    async close() {
      clearInterval(timer)
      await within(goodbyeMs, scheduled)
      // A backend that is gone answers no goodbye; nothing of ours depends on it.
      await within(goodbyeMs, Promise.allSettled([worker.close(), queue.close()]))
    },
  }
}

async function keepHouse({ config, database: { db, sql }, logger }: ChoresDeps): Promise<Housekeeping> {
  await ensurePartitions(sql)
  const done = await deleteExpired(sql)
  const tombstones = await dropTombstones(sql, tombstoneSecondsOf(config))
  const retried = await retryParkedOutbox(sql)
  const leases = await forgetQuota(sql)
  const feed = await dropFeedHistory(sql)
  const overdue = await releaseOverdueHolds({ db, sql })
  logger.debug({ collected: done, tombstones, retried, leases, feed, overdue }, 'housekeeping done')
  return done
}

/** Accounts that nobody looks after any more. */
async function tendClaims({ database: { db, sql }, logger }: ChoresDeps): Promise<void> {
  const suspended = await suspendUnattended({ db, transition: changes => transitionAccounts(sql, changes) }, await readClock(sql))
  if (suspended > 0) logger.info({ suspended }, 'claimed accounts that nobody looks after are suspended')
}

// The worker: what must happen some time, but in nobody's request. Now: collecting what has expired, making the log's next
// partitions, rotating keys. Each chore runs as a scheduled job and, in case hints stop coming, by a slow timer of its own.

import type { Logger } from 'pino'
import { checkSealedKeys, openKeyEncryption } from '#apps/process/key-settings.ts'
import { createQueues } from '#apps/process/queues.ts'
import { sparingly } from '#apps/process/sparingly.ts'
import { within } from '#apps/process/within.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { openDatabase } from '#db/connect.ts'
import { deleteExpired, ensurePartitions, type Housekeeping } from '#db/housekeeping/delete-expired.ts'
import { checkSchemaVersion } from '#db/migrate.ts'
import { findServerFaults } from '#db/server/check-server.ts'
import type { WorkerConfig } from './config.ts'
import { type KeyRound, tendKeys } from './keys.ts'

const jobEveryMs = 60_000
const sweepEveryMs = 10 * 60_000
const queueName = 'housekeeping'
const backendGoodbyeMs = 2_000

export interface RunningWorker {
  /** Runs the housekeeping now. */
  sweep(): Promise<Housekeeping>
  /** Looks after the keys now. */
  tendKeys(): Promise<KeyRound>
  /** Finishes the job under way, then ends. */
  close(): Promise<void>
}

/** Throws BrokerError `internal` with a hint when the database is not fit. */
export async function startWorker(config: WorkerConfig, logger: Logger): Promise<RunningWorker> {
  const database = openDatabase(config.databaseUrl, { poolSize: 2, applicationName: 'mayfly-worker' })
  try {
    const faults = await findServerFaults(database.sql)
    if (faults.length > 0) throw new BrokerError('internal', { hint: faults.join('\n  ') })
    await checkSchemaVersion(database.db)
    await checkSealedKeys(database.db, openKeyEncryption(config))
  } catch (error) {
    await database.close()
    throw error
  }
  const sweep = async (): Promise<Housekeeping> => {
    await ensurePartitions(database.sql)
    const done = await deleteExpired(database.sql)
    logger.debug({ collected: done }, 'housekeeping done')
    return done
  }
  const chores: Readonly<Record<string, () => Promise<unknown>>> = {
    housekeeping: sweep,
    keys: () => tendKeys(database, config, logger),
  }
  const queues = createQueues(config)
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
  }, sweepEveryMs).unref()
  logger.info({ backend: queues.backend }, 'worker started')
  return {
    sweep,
    tendKeys: () => tendKeys(database, config, logger),
    async close() {
      clearInterval(timer)
      await within(backendGoodbyeMs, scheduled)
      // A backend that is gone answers no goodbye; nothing of ours depends on it.
      await within(backendGoodbyeMs, Promise.allSettled([worker.close(), queue.close()]))
      await database.close()
    },
  }
}

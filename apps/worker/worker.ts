// The worker: what must happen some time, but in nobody's request. Now: collecting what has expired and making the log's
// next partitions. It runs as a scheduled job and, in case hints stop coming, by a slow timer of its own.

import type { Logger } from 'pino'
import { BrokerError } from '#core/errors/broker-error.ts'
import { openDatabase } from '#db/connect.ts'
import { deleteExpired, ensurePartitions, type Housekeeping } from '#db/housekeeping/delete-expired.ts'
import { checkSchemaVersion } from '#db/migrate.ts'
import { findServerFaults } from '#db/server/check-server.ts'
import type { WorkerConfig } from './config.ts'
import { createQueues } from './queues.ts'

const jobEveryMs = 60_000
const sweepEveryMs = 10 * 60_000
const complainEveryMs = 10_000
const queueName = 'housekeeping'
const backendGoodbyeMs = 2_000

export interface RunningWorker {
  /** Runs the housekeeping now. */
  sweep(): Promise<Housekeeping>
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
  const queues = createQueues(config)
  const queue = queues.queue(queueName)
  const worker = queues.worker(queueName, sweep)
  const complain = sparingly(error => logger.warn({ err: error }, 'the queue backend failed; work goes on by the timer'))
  queue.on('error', complain)
  worker.on('error', complain)
  worker.on('failed', (_job, error) => logger.error({ err: error }, 'housekeeping failed'))
  const scheduled = queue
    .upsertJobScheduler(queueName, { every: jobEveryMs })
    .catch(error => logger.warn({ err: error }, 'housekeeping could not be scheduled; work goes on by the timer'))
  const timer = setInterval(
    () => void sweep().catch(error => logger.error({ err: error }, 'housekeeping failed')),
    sweepEveryMs,
  ).unref()
  logger.info({ backend: queues.backend }, 'worker started')
  return {
    sweep,
    async close() {
      clearInterval(timer)
      await within(backendGoodbyeMs, scheduled)
      // A backend that is gone answers no goodbye; nothing of ours depends on it.
      await within(backendGoodbyeMs, Promise.allSettled([worker.close(), queue.close()]))
      await database.close()
    },
  }
}

/** A backend that fails does so thousands of times a second. */
function sparingly(complain: (error: Error) => void): (error: Error) => void {
  let silentUntilMs = Number.NEGATIVE_INFINITY
  return error => {
    if (performance.now() < silentUntilMs) return
    silentUntilMs = performance.now() + complainEveryMs
    complain(error)
  }
}

/** Waits for the promise, but no longer than that. */
async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise(resolve => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([promise, late])
  clearTimeout(timer)
}

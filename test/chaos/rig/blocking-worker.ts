// A worker of a process of its own whose event loop can be made to stand still: SIGUSR2 blocks it for MAYFLY_TEST_BLOCK_MS, as a
// huge synchronous computation or a stopped machine would. It prints a line when it begins, and one after each standstill.

import { Registry } from 'prom-client'
import { createLogger } from '#apps/process/logger.ts'
import { createQueues } from '#apps/process/queues.ts'
import { createOutboxHandlers } from '#apps/worker/outbox/handlers.ts'
import { startReaper } from '#apps/worker/reaper.ts'
import { createReaperMetrics } from '#apps/worker/reaper-metrics.ts'
import { readReaperBacklog } from '#db/accounts/due.ts'
import { openDatabase } from '#db/connect.ts'
import './end-with-parent.ts'

const { DATABASE_URL: url, QUEUE_DATABASE_URL: queueDatabaseUrl, MAYFLY_TEST_BLOCK_MS: blockMs } = process.env
const database = openDatabase(url!)
const logger = createLogger('worker', 'silent')
startReaper({
  database,
  logger,
  queues: createQueues({ queueDatabaseUrl }),
  handlers: createOutboxHandlers({ database }),
  metrics: createReaperMetrics(new Registry(), () => readReaperBacklog(database.sql)),
  takeOverMs: Number(process.env['MAYFLY_TEST_TAKE_OVER_MS']),
})
process.on('SIGUSR2', () => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(blockMs))
  process.stdout.write('awake\n')
})
process.stdout.write('started\n')

import type { Logger } from 'pino'
import { createQueues, deadlineQueue, type QueueSettings } from '#apps/process/queues.ts'
import { sparingly } from '#apps/process/sparingly.ts'
import { within } from '#apps/process/within.ts'
import { DeadlineHints } from '#core/reaper/deadline-hints.ts'
import type { Clock } from '#core/time/clock.ts'

const goodbyeMs = 1_000

export interface DeadlineAnnouncer extends Pick<DeadlineHints, 'note'> {
  close(): Promise<void>
}

/** Tells the worker when accounts are due, by one delayed job for each second. Without a queue nobody is told; the worker looks anyway. */
export function announceDeadlines(settings: QueueSettings, clock: Clock, logger: Logger): DeadlineAnnouncer {
  if (!settings.redisUrl && !settings.queueDatabaseUrl) return { note: () => {}, close: async () => {} }
  const queue = createQueues(settings).producer(deadlineQueue)
  const complain = sparingly<unknown>(err => logger.warn({ err }, 'deadlines cannot be announced; the worker finds them without'))
  queue.on('error', complain)
  const hints = new DeadlineHints({
    // Each by itself: in PostgreSQL many at once would take a temporary table, which this role may not make.
    announce: async seconds => {
      const told = await Promise.allSettled(
        seconds.map(second =>
          queue.add('due', {}, { jobId: `due-${second}`, delay: Math.max(0, Math.ceil(second * 1_000 - clock.nowMs())) }),
        ),
      )
      const failed = told.find(({ status }) => status === 'rejected')
      if (!failed) return
      complain((failed as PromiseRejectedResult).reason)
      throw (failed as PromiseRejectedResult).reason
    },
  })
  return {
    note: deadlineSeconds => hints.note(deadlineSeconds),
    close: () =>
      within(
        goodbyeMs,
        queue.close().catch(() => {}),
      ),
  }
}

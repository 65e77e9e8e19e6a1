// Accounts that end: swept each second, and at once when a deadline's job comes up. The jobs only lower the wait; without them,
// with a queue that is gone, full or slow, the sweeper finds everything a moment later. The outbox is worked off in the same rhythm.

import type { Logger } from 'pino'
import { deadlineQueue, type Queues } from '#apps/process/queues.ts'
import { sparingly } from '#apps/process/sparingly.ts'
import { within } from '#apps/process/within.ts'
import { oneAtATime } from '#core/reaper/one-at-a-time.ts'
import { type SweepDeps, type SweepRound, sweepAccounts } from '#core/reaper/sweep.ts'
import { readDueAccounts, readEndedAccounts } from '#db/accounts/due.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import type { Database } from '#db/connect.ts'
import { drainOutbox, type OutboxRound } from './outbox/drain.ts'
import type { OutboxHandler } from './outbox/handler.ts'
import type { ReaperMetrics } from './reaper-metrics.ts'

const everyMs = 1_000
const goodbyeMs = 2_000
const standardTakeOverMs = 30_000

export interface ReaperOptions {
  readonly database: Database
  readonly logger: Logger
  readonly queues: Queues
  readonly handlers: readonly OutboxHandler[]
  readonly metrics: ReaperMetrics
  /** Left out: each second. */
  readonly everyMs?: number | undefined
  /** After how long without a sign of life another worker takes over jobs and rows of the outbox; 30 s when nothing is said. */
  readonly takeOverMs?: number | undefined
}

export interface Reaper {
  /** Collects what is due now; resolves when nothing is left. */
  sweep(): Promise<SweepRound>
  /** Does what is to be done outside now. */
  drain(): Promise<OutboxRound>
  /** Finishes the batch under way, then ends. */
  close(): Promise<void>
}

export function startReaper(options: ReaperOptions): Reaper {
  const { logger, queues, takeOverMs = standardTakeOverMs } = options
  const ending = new AbortController()
  const { sweep, drain } = createRounds(options, ending.signal)
  const complain = (what: string) => sparingly<unknown>(err => logger.error({ err }, `${what}; it is tried again each second`))
  const sweepFailed = complain('collecting accounts failed')
  const drainFailed = complain('the outbox cannot be worked off')
  const drainNow = (): void => void drain().catch(drainFailed)
  const round = (): void => {
    // What expires is waited for by those who tear things down.
    sweep()
      .then(({ expired }) => expired > 0 && drainNow())
      .catch(sweepFailed)
    drainNow()
  }
  round()
  const timer = setInterval(round, options.everyMs ?? everyMs)
  const worker = queues.worker(
    deadlineQueue,
    async () => {
      if ((await sweep()).expired > 0) drainNow()
    },
    { lockDuration: takeOverMs, stalledInterval: takeOverMs },
  )
  const queueFailed = sparingly<Error>(err =>
    logger.warn({ err }, 'the queue of deadlines failed; the sweeper goes on without it'),
  )
  worker.on('error', queueFailed)
  worker.on('failed', (_, error) => sweepFailed(error))
  return {
    sweep,
    drain,
    async close() {
      clearInterval(timer)
      ending.abort()
      await within(goodbyeMs, Promise.allSettled([worker.close(), sweep(), drain()]))
    },
  }
}

/** The two things that it does, each one at a time, however many ask. Once it is ending they do nothing more. */
function createRounds(
  { database, logger, handlers, metrics, takeOverMs = standardTakeOverMs }: ReaperOptions,
  signal: AbortSignal,
): Pick<Reaper, 'sweep' | 'drain'> {
  const { sql } = database
  const nothing = { accounts: [], seenTo: null }
  let resumeAt: string | undefined
  const sweep = oneAtATime(async () => {
    const deps: SweepDeps = {
      transition: changes => transitionAccounts(sql, changes),
      readDue: async (from, limit) => (signal.aborted ? [] : readDueAccounts(sql, from, limit)),
      readEnded: async (after, limit) => (signal.aborted ? nothing : readEndedAccounts(sql, after, limit)),
      observeLateness: metrics.late,
      complain: (err, account) => logger.error({ err, account }, 'an account cannot be collected'),
    }
    const round = await sweepAccounts(deps, resumeAt)
    resumeAt = round.resumeAt
    metrics.swept(round)
    return round
  })
  const drain = oneAtATime(async () => {
    const round = await drainOutbox({ database, logger, handlers, leaseSeconds: takeOverMs / 1_000, signal })
    metrics.drained(round)
    return round
  })
  return { sweep, drain }
}

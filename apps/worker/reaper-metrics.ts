import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { SweepRound } from '#core/reaper/sweep.ts'
import type { ReaperBacklog } from '#db/accounts/due.ts'
import type { OutboxRound } from './outbox/drain.ts'

/** What is told of collecting. */
export interface ReaperMetrics {
  late(lateMs: number): void
  swept(round: SweepRound): void
  drained(round: OutboxRound): void
}

/** readBacklog: asked when the numbers are; a database that does not answer leaves them out. */
export function createReaperMetrics(registry: Registry, readBacklog: () => Promise<ReaperBacklog>): ReaperMetrics {
  const registers = [registry]
  const lateness = new Histogram({
    name: 'mayfly_reaper_lateness_seconds',
    help: 'How long after its deadline an account was found.',
    buckets: [0.1, 0.25, 0.5, 1, 2, 5, 15, 30, 60, 300],
    registers,
  })
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers })
  const expired = counter('mayfly_accounts_expired_total', 'Accounts that this worker expired.')
  const reaped = counter('mayfly_accounts_reaped_total', 'Accounts of which this worker left a tombstone only.')
  const done = counter('mayfly_outbox_done_total', 'Rows of the outbox that this worker worked off.')
  const postponed = counter('mayfly_outbox_postponed_total', 'Tries of rows of the outbox that failed.')
  new Gauge({
    name: 'mayfly_reaper_backlog',
    help: 'What waits in the database, by kind. Alarm on parked above 0: something outside could not be taken down.',
    labelNames: ['kind'],
    registers,
    async collect() {
      const backlog = await readBacklog().catch(() => undefined)
      this.reset()
      for (const [kind, count] of Object.entries(backlog ?? {})) this.set({ kind }, count)
    },
  })
  return {
    late: lateMs => lateness.observe(lateMs / 1_000),
    swept: round => {
      expired.inc(round.expired)
      reaped.inc(round.reaped)
    },
    drained: round => {
      done.inc(round.done)
      postponed.inc(round.postponed)
    },
  }
}

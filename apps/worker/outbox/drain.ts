// What is to be done outside once an account has changed. The row was written with the change, and goes when every handler has done
// its part. A worker that dies or stands still loses its rows to another one when the lease ends, so effects come at least once.

import type { Logger } from 'pino'
import type { Sql } from 'postgres'
import { finishOutbox, leaseOutbox, type OutboxRow, type PostponedRow, postponeOutbox } from '#db/accounts/outbox.ts'
import type { Database } from '#db/connect.ts'
import { postpone } from './backoff.ts'
import type { OutboxHandler } from './handler.ts'

export interface OutboxDeps {
  readonly database: Pick<Database, 'sql'>
  readonly logger: Logger
  readonly handlers: readonly OutboxHandler[]
  /** Rows taken at once. */
  readonly batch?: number
  /** How many accounts are worked on at once. */
  readonly concurrency?: number
  /** How long the rows of a batch are ours without a sign of life; that is given three times as often. */
  readonly leaseSeconds?: number
  /** Looked at between batches. */
  readonly signal?: AbortSignal
}

export interface OutboxRound {
  readonly done: number
  readonly postponed: number
}

/** Works until nothing is due. Rejects when the database cannot be asked; what was taken then comes back with its lease. */
export async function drainOutbox(deps: OutboxDeps): Promise<OutboxRound> {
  const { batch = 500, leaseSeconds = 30, signal } = deps
  const { sql } = deps.database
  let done = 0
  let postponed = 0
  while (!signal?.aborted) {
    const rows = await leaseOutbox(sql, batch, leaseSeconds)
    if (rows.length === 0) break
    const failed = await keeping(sql, rows, leaseSeconds, () => handleAll(deps, rows))
    const finished = rows.filter(({ id }) => !failed.has(id))
    await finishOutbox(
      sql,
      finished.map(({ id }) => id),
    )
    await postponeOutbox(sql, [...failed.values()].map(putOff))
    done += finished.length
    postponed += failed.size
  }
  return { done, postponed }
}

/** Renews the lease while the work lasts, however slow what it talks to is. */
async function keeping<Result>(
  sql: Sql,
  rows: readonly OutboxRow[],
  seconds: number,
  work: () => Promise<Result>,
): Promise<Result> {
  const renew = (): void => {
    const kept = rows.map(({ id }) => ({ id, seconds, parked: false }))
    // Who cannot renew may lose the rows to another worker, which does them again.
    postponeOutbox(sql, kept).catch(() => {})
  }
  const timer = setInterval(renew, (seconds * 1_000) / 3)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}

const putOff = ({ id, attempts }: OutboxRow): PostponedRow => ({ id, ...postpone(attempts, Math.random()) })

/** Runs every handler for the rows that it picks; one that fails stops no other. Returns the rows for which something failed. */
async function handleAll(deps: OutboxDeps, rows: readonly OutboxRow[]): Promise<Map<string, OutboxRow>> {
  const failed = new Map<string, OutboxRow>()
  for (const handler of deps.handlers) {
    const fail = (row: OutboxRow, error: unknown): void => {
      failed.set(row.id, row)
      const { parked } = postpone(row.attempts, 0)
      const facts = {
        err: error,
        handler: handler.name,
        transition: row.transition,
        account: row.accountId,
        attempts: row.attempts,
      }
      if (parked)
        deps.logger.error(facts, 'what an account left to do outside fails again and again; it is parked and tried hourly')
      else deps.logger.warn(facts, 'what an account left to do outside failed; it will be tried again')
    }
    let picked: readonly OutboxRow[]
    try {
      picked = await handler.pick(rows)
    } catch (error) {
      for (const row of rows) fail(row, error)
      continue
    }
    // Rows of one account in their order, accounts beside each other.
    const accounts = [...Map.groupBy(picked, ({ accountId }) => accountId).values()]
    await eachOf(accounts, deps.concurrency ?? 8, async own => {
      for (const row of own) await handler.handle(row).catch(error => fail(row, error))
    })
  }
  return failed
}

async function eachOf<Item>(items: readonly Item[], concurrency: number, work: (item: Item) => Promise<void>): Promise<void> {
  const left = items.values()
  const one = async (): Promise<void> => {
    for (const item of left) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, one))
}

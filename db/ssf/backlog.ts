import type { Sql } from 'postgres'

export interface SsfBacklog {
  readonly enabled: number
  readonly paused: number
  readonly disabled: number
  /** Enabled, but the last attempt failed. */
  readonly failing: number
  readonly waiting: number
  /** Since when the oldest event waits for an enabled stream. */
  readonly lagSeconds: number
  readonly deadLetters: number
}

export async function readSsfBacklog(sql: Sql): Promise<SsfBacklog> {
  const [row] = await sql<SsfBacklog[]>`
    select enabled::float8 as enabled, paused::float8 as paused, disabled::float8 as disabled, failing::float8 as failing,
           waiting::float8 as waiting, lag_seconds as "lagSeconds", dead_letters::float8 as "deadLetters" from across.ssf_backlog()`
  return row!
}

const batch = 1_000

/** Sets aside what streams have not taken and the feed forgets soon. lateSeconds: since it went out of force. Returns how much. */
export async function keepLateEvents(sql: Sql, lateSeconds: number, types: Readonly<Record<string, string>>): Promise<number> {
  let kept = 0
  for (;;) {
    const [row] = await sql<{ count: number }[]>`
      select across.keep_late_events(${lateSeconds}::float8, ${JSON.stringify(types)}::text::jsonb, ${batch}::integer) as count`
    kept += row!.count
    if (row!.count < batch) return kept
  }
}

/** Forgets when cursors came where, for revocations that are forgotten themselves. */
export async function forgetAcknowledgements(sql: Sql, seconds: number): Promise<number> {
  let forgotten = 0
  for (;;) {
    const [row] = await sql<{ count: number }[]>`
      select across.forget_ssf_acknowledgements(${seconds}::float8, ${batch}::integer) as count`
    forgotten += row!.count
    if (row!.count < batch) return forgotten
  }
}

import type { Sql } from 'postgres'

const batch = 500

export interface Housekeeping {
  readonly pins: number
  readonly nonces: number
  readonly replays: number
  readonly idempotencyKeys: number
  readonly credentials: number
  readonly enrolments: number
  readonly joinTokens: number
  readonly claimCodes: number
  readonly statuses: number
}

/**
 * Collects what expired long enough ago that nobody can present it any more; in batches, each a transaction of its own. No row
 * is locked first: that would need the right to change what may only be read and deleted. `now()`, not the clock as it runs on: an
 * index cannot be searched for something that changes meanwhile, and all that is still good would be walked through each time.
 */
export async function deleteExpired(sql: Sql): Promise<Housekeeping> {
  return {
    pins: await drain(
      () => sql`
      delete from mayfly.subject_pin where token_hash in (
        select token_hash from mayfly.subject_pin where expires_at < now() - interval '1 minute'
         order by expires_at limit ${batch})`,
    ),
    nonces: await drain(
      () => sql`
      delete from mayfly.consumed_nonce where (resource_id, nonce_hash) in (
        select resource_id, nonce_hash from mayfly.consumed_nonce where expires_at < now() - interval '1 minute'
         order by expires_at limit ${batch})`,
    ),
    replays: await drainAcross(sql, 'replay'),
    idempotencyKeys: await drainAcross(sql, 'idempotency'),
    credentials: await drainAcross(sql, 'credential'),
    enrolments: await drainAcross(sql, 'enrolment'),
    joinTokens: await drainAcross(sql, 'join_token'),
    claimCodes: await drainAcross(sql, 'claim_code'),
    statuses: await drain(async () => {
      const [row] = await sql<[{ count: number }]>`select across.delete_ended_statuses(${batch}) as count`
      return row
    }),
  }
}

const drainAcross = (sql: Sql, table: string): Promise<number> =>
  drain(async () => {
    const [row] = await sql<[{ count: number }]>`select across.delete_expired(${table}, ${batch}) as count`
    return row
  })

async function drain(step: () => PromiseLike<{ count: number }>): Promise<number> {
  let total = 0
  for (;;) {
    const { count } = await step()
    total += count
    if (count < batch) return total
  }
}

/** The log's partitions for this month and the two after it. */
export async function ensurePartitions(sql: Sql): Promise<void> {
  await sql`select log.ensure_partitions(clock_timestamp(), 3)`
}

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
}

/**
 * Collects what expired long enough ago that nobody can present it any more; in batches, each a transaction of its own. No row
 * is locked first: that would need the right to change what may only be read and deleted.
 */
export async function deleteExpired(sql: Sql): Promise<Housekeeping> {
  return {
    pins: await drain(
      () => sql`
      delete from mayfly.subject_pin where token_hash in (
        select token_hash from mayfly.subject_pin where expires_at < clock_timestamp() - interval '1 minute'
         order by expires_at limit ${batch})`,
    ),
    nonces: await drain(
      () => sql`
      delete from mayfly.consumed_nonce where (resource_id, nonce_hash) in (
        select resource_id, nonce_hash from mayfly.consumed_nonce where expires_at < clock_timestamp() - interval '1 minute'
         order by expires_at limit ${batch})`,
    ),
    replays: await drain(
      () => sql`
      delete from mayfly.replay where (tenant_id, kind, hash) in (
        select tenant_id, kind, hash from mayfly.replay where expires_at < clock_timestamp() - interval '1 minute'
         order by expires_at limit ${batch})`,
    ),
    idempotencyKeys: await drain(
      () => sql`
      delete from mayfly.idempotency where (credential_id, key_hash) in (
        select credential_id, key_hash from mayfly.idempotency where expires_at < clock_timestamp()
         limit ${batch})`,
    ),
    credentials: await drain(
      () => sql`
      delete from mayfly.credential where id in (
        select id from mayfly.credential where expires_at < clock_timestamp() - interval '30 days' limit ${batch})`,
    ),
    enrolments: await drain(
      () => sql`
      delete from mayfly.enrolment where id in (
        select id from mayfly.enrolment where not_after < clock_timestamp() - interval '30 days' limit ${batch})`,
    ),
    // One that was used stays as long as who came by it: with it the right to renew would go.
    joinTokens: await drain(
      () => sql`
      delete from mayfly.join_token where id in (
        select j.id from mayfly.join_token j where j.expires_at < clock_timestamp() - interval '30 days'
           and not exists (select from mayfly.enrolment e where e.join_token_id = j.id) limit ${batch})`,
    ),
    claimCodes: await drain(
      () => sql`
      delete from mayfly.claim_code where account_id in (
        select account_id from mayfly.claim_code where secret_until < clock_timestamp() - interval '1 day' limit ${batch})`,
    ),
  }
}

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

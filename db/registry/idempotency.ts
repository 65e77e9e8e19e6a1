import { sql } from 'kysely'
import type { Trx } from '../connect.ts'

export interface IdempotencyScope {
  readonly credentialId: string
  /** SHA-256 of the key, 32 bytes. */
  readonly keyHash: Buffer
}

export interface StoredAnswer {
  readonly fingerprint: Buffer
  readonly status: number
  /** null: the answer held a secret and was not stored. */
  readonly response: unknown
}

/** Whether this transaction is now the only one that works under the key. Held until the transaction ends, however it ends. */
export async function tryLockKey(trx: Trx, scope: IdempotencyScope): Promise<boolean> {
  const { rows } = await sql<{ locked: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended(${`${scope.credentialId}:${scope.keyHash.toString('hex')}`}, 7201)) as locked`.execute(
    trx,
  )
  return rows[0]!.locked
}

export async function findAnswer(trx: Trx, scope: IdempotencyScope): Promise<StoredAnswer | undefined> {
  const row = await trx
    .selectFrom('mayfly.idempotency')
    .select(['fingerprint', 'status', 'response'])
    .where('credential_id', '=', scope.credentialId)
    .where('key_hash', '=', scope.keyHash)
    .where('expires_at', '>', sql<Date>`clock_timestamp()`)
    .executeTakeFirst()
  return row && { fingerprint: row.fingerprint, status: row.status!, response: row.response }
}

/** Keeps the answer for 24 hours, in the transaction that made the change: both are there, or neither. */
export async function storeAnswer(trx: Trx, scope: IdempotencyScope, answer: StoredAnswer): Promise<void> {
  const values = {
    fingerprint: answer.fingerprint,
    status: answer.status,
    response: answer.response,
    expires_at: sql<Date>`clock_timestamp() + interval '24 hours'`,
  }
  await trx
    .insertInto('mayfly.idempotency')
    .values({ credential_id: scope.credentialId, key_hash: scope.keyHash, ...values })
    .onConflict(conflict => conflict.columns(['credential_id', 'key_hash']).doUpdateSet(values))
    .execute()
}

import { sql } from 'kysely'
import type { Db } from '../connect.ts'

/** A code for one account, and the event that tells of it. */
export interface NewClaimCode {
  readonly accountId: string
  readonly tenantId: string
  readonly mac: Buffer
  readonly attempts: number
  readonly ttlSeconds: number
  readonly leaf: string
  readonly body: string
}

/**
 * Keeps the code in place of an earlier one and logs it, in one statement. Returns how many seconds it is good for; undefined
 * when the account is not active, or has no claim secret.
 */
export async function keepClaimCode(db: Db, code: NewClaimCode): Promise<number | undefined> {
  const { accountId, tenantId, mac, attempts, ttlSeconds, leaf, body } = code
  const { rows } = await sql<{ seconds: number }>`
    with kept as (
      insert into mayfly.claim_code as c (account_id, tenant_id, secret_hash, secret_until, code_mac, attempts_left, expires_at)
        select a.id, a.tenant_id, a.claim_hash, a.deadline, ${mac}::bytea, ${attempts}::int,
               least(clock_timestamp() + make_interval(secs => ${ttlSeconds}::int), a.deadline)
          from mayfly.account a
         where a.id = ${accountId} and a.tenant_id = ${tenantId} and a.state = 'a' and a.deadline > clock_timestamp()
           and a.claim_hash is not null and a.root_id is null
        on conflict (account_id) do update set secret_hash = excluded.secret_hash, secret_until = excluded.secret_until,
          code_mac = excluded.code_mac, attempts_left = excluded.attempts_left, expires_at = excluded.expires_at
        returning expires_at
    ), logged as (
      insert into log.pending (tenant_id, leaf, body) select ${tenantId}::uuid, ${leaf}::text, ${body}::text from kept
    )
    select extract(epoch from expires_at - clock_timestamp())::float8 as seconds from kept`.execute(db)
  return rows[0]?.seconds
}

/** What an attempt finds. */
export interface CodeAttempt {
  /** Undefined: no code is good now. */
  readonly mac: Buffer | undefined
  readonly attemptsLeft: number
  /** Whether all attempts had been used before this one. */
  readonly usedUp: boolean
}

/**
 * Uses up one attempt, whatever comes of it, and notes with which claim secret it was made: of a hundred at once five get the
 * code to compare with.
 */
export async function useAttempt(db: Db, accountId: string, tenantId: string, secretHash: Buffer): Promise<CodeAttempt> {
  const used = await sql<{ mac: Buffer; left: number }>`
    update mayfly.claim_code set attempts_left = attempts_left - 1, secret_hash = ${secretHash}
     where account_id = ${accountId} and tenant_id = ${tenantId} and attempts_left > 0 and code_mac is not null
       and expires_at > clock_timestamp()
     returning code_mac as mac, attempts_left as left`.execute(db)
  const [found] = used.rows
  if (found) return { mac: found.mac, attemptsLeft: found.left, usedUp: false }
  const rest = await sql<{ usedUp: boolean }>`
    select attempts_left = 0 and code_mac is not null and expires_at > clock_timestamp() as "usedUp"
      from mayfly.claim_code where account_id = ${accountId} and tenant_id = ${tenantId}`.execute(db)
  return { mac: undefined, attemptsLeft: 0, usedUp: rest.rows[0]?.usedUp ?? false }
}

/** The code of an account that was claimed is good for nothing more. */
export async function clearClaimCode(db: Db, accountId: string, tenantId: string): Promise<void> {
  await sql`update mayfly.claim_code set code_mac = null where account_id = ${accountId} and tenant_id = ${tenantId}`.execute(db)
}

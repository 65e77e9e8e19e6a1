import { sql } from 'kysely'
import type { AccountState } from '../accounts/read-accounts.ts'
import type { Db } from '../connect.ts'
import type { Executor } from '../unscoped-db.ts'

/** An account as a person meets it who holds its claim secret, or owns it. Times in milliseconds since the epoch. */
export interface ClaimedRow {
  readonly id: string
  readonly tenantId: string
  readonly agentId: string
  readonly taskId: string
  readonly state: AccountState
  readonly generation: number
  readonly openedMs: number
  /** Infinity: none. */
  readonly deadlineMs: number
  readonly ceilingId: string
  readonly isChild: boolean
  readonly readmitted: boolean
  /** Of a claimed one, as the next two. */
  readonly personId: string | null
  readonly claimedMs: number | null
  /** `YYYY-MM-DD` */
  readonly reviewOn: string | null
}

/** What a claim secret is good for. */
export type SecretUse = 'open' | 'used' | 'none'

const columns = sql`
  a.id, a.tenant_id as "tenantId", a.agent_id as "agentId", a.task_id as "taskId", a.state::text as state, a.generation,
  extract(epoch from a.opened_at)::float8 * 1000 as "openedMs", extract(epoch from a.deadline)::float8 * 1000 as "deadlineMs",
  a.ceiling_id::text as "ceilingId", a.root_id is not null as "isChild", a.readmitted, c.person_id as "personId",
  extract(epoch from c.claimed_at)::float8 * 1000 as "claimedMs", to_char(c.review_on, 'YYYY-MM-DD') as "reviewOn"`

/**
 * The account that a claim secret names, and what the secret is good for: `open` to claim with; `used`: the account was claimed
 * with it, and the deadline that it had is not past; else `none`, whatever became of the account.
 */
export async function findBySecret(
  db: Db,
  which: { readonly tenantId: string; readonly accountId: string; readonly secretHash: Buffer },
): Promise<{ readonly row: ClaimedRow; readonly use: SecretUse } | undefined> {
  const { tenantId, accountId, secretHash } = which
  const { rows } = await sql<ClaimedRow & { readonly use: SecretUse }>`
    select ${columns},
           case when a.state = 'a' and a.claim_hash = ${secretHash} and a.deadline > clock_timestamp() then 'open'
                when a.state = 'c' and k.secret_hash = ${secretHash} and k.secret_until > clock_timestamp() then 'used'
                else 'none' end as use
      from mayfly.account a
      left join mayfly.claim c on c.account_id = a.id and c.tenant_id = a.tenant_id
      left join mayfly.claim_code k on k.account_id = a.id and k.tenant_id = a.tenant_id
     where a.id = ${accountId} and a.tenant_id = ${tenantId}`.execute(db)
  const [row] = rows
  return row && { row, use: row.use }
}

/** Accounts that a person owns, the one with this id or all, newest first; at most 200. */
export async function readOwned(
  db: Db,
  which: { readonly tenantId: string; readonly personId: string; readonly accountId?: string | undefined },
): Promise<ClaimedRow[]> {
  const { tenantId, personId, accountId } = which
  const one = accountId === undefined ? sql`` : sql`and a.id = ${accountId}`
  const { rows } = await sql<ClaimedRow>`
    select ${columns} from mayfly.claim c join mayfly.account a on a.id = c.account_id and a.tenant_id = c.tenant_id
     where c.person_id = ${personId} and c.tenant_id = ${tenantId} ${one}
     order by c.claimed_at desc limit 200`.execute(db)
  return rows
}

/** What the log said of an account's opening, as it stands there: private facts sealed; undefined when it is not there. */
export async function findOpening(db: Db, accountId: string): Promise<string | undefined> {
  const { rows } = await sql<{ body: string | null }>`
    select log.find_opening(a.id, a.opened_at) as body from mayfly.account a where a.id = ${accountId}`.execute(db)
  return rows[0]?.body ?? undefined
}

/** An event for the log, in the statement that does what it tells. */
export interface ClaimNote {
  readonly tenantId: string
  readonly accountId: string
  readonly leaf: string
  readonly body: string
}

/** Ends a claim secret and logs it, in one statement; false when it was not that of an active account. */
export async function dropClaimSecret(db: Db, note: ClaimNote & { readonly secretHash: Buffer }): Promise<boolean> {
  const { tenantId, accountId, secretHash, leaf, body } = note
  const written = await sql`
    with changed as (
      update mayfly.account set claim_hash = null
       where id = ${accountId} and tenant_id = ${tenantId} and claim_hash = ${secretHash} and state = 'a'
         and deadline > clock_timestamp() returning id
    )
    insert into log.pending (tenant_id, leaf, body) select ${tenantId}::uuid, ${leaf}::text, ${body}::text from changed`.execute(
    db,
  )
  return (written.numAffectedRows ?? 0n) > 0n
}

/** Sets when the owner looks at an account again and logs it, in one statement; false when it is not this person's. */
export async function setReview(
  db: Db,
  note: ClaimNote & { readonly personId: string; readonly reviewOn: string },
): Promise<boolean> {
  const { tenantId, accountId, personId, reviewOn, leaf, body } = note
  const written = await sql`
    with changed as (
      update mayfly.claim c set review_on = ${reviewOn}::text::date
       where c.account_id = ${accountId} and c.tenant_id = ${tenantId} and c.person_id = ${personId}
         and exists (select from mayfly.account a where a.id = c.account_id and a.state = 'c') returning account_id
    )
    insert into log.pending (tenant_id, leaf, body) select ${tenantId}::uuid, ${leaf}::text, ${body}::text from changed`.execute(
    db,
  )
  return (written.numAffectedRows ?? 0n) > 0n
}

export interface UnattendedClaim {
  readonly accountId: string
  readonly tenantId: string
  readonly agentId: string
  readonly generation: number
  readonly reason: 'owner_left' | 'review_overdue'
}

/** Claimed accounts of all tenants whose agent is in and that nobody looks after. */
export async function readUnattended(db: Executor, limit: number): Promise<UnattendedClaim[]> {
  const { rows } = await sql<UnattendedClaim>`
    select id as "accountId", tenant_id as "tenantId", agent_id as "agentId", generation, reason
      from log.unattended_claims(${limit}::int)`.execute(db)
  return rows
}

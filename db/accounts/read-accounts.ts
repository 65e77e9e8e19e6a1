import type { Sql } from 'postgres'

/** a active, m completed, e expired, r revoked, c claimed, x closed */
export type AccountState = 'a' | 'm' | 'e' | 'r' | 'c' | 'x'

export interface AccountRow {
  readonly id: string
  readonly tenantId: string
  readonly agentId: string
  readonly taskKey: string
  readonly taskId: string
  readonly state: AccountState
  readonly generation: number
  /** Seconds since the epoch; Infinity: none, it is claimed. */
  readonly deadlineSeconds: number
  readonly ceilingId: string
  /** Hex of SHA-256. */
  readonly opener: string
  readonly openingKey: string | null
  /** Null: a root account. Else `lineage` says where it descends from. */
  readonly rootId: string | null
  /** Of a claimed account: whether its agent may come back in. */
  readonly readmitted: boolean
}

/** The accounts among these ids and task keys that exist, ended ones too; one round trip. */
export async function readAccounts(sql: Sql, ids: readonly string[], taskKeys: readonly string[]): Promise<AccountRow[]> {
  return sql<AccountRow[]>`
    select id, tenant_id as "tenantId", agent_id as "agentId", task_key as "taskKey", task_id as "taskId", state::text as state, generation,
           extract(epoch from deadline)::float8 as "deadlineSeconds", ceiling_id::text as "ceilingId",
           encode(opener, 'hex') as opener, encode(opening_key, 'hex') as "openingKey",
           root_id as "rootId", readmitted
      from mayfly.account
     where id = any(${`{${ids.join(',')}}`}::text::uuid[]) or task_key = any(${`{${taskKeys.join(',')}}`}::text::uuid[])`
}

export interface SubjectKeyRow {
  readonly id: string
  readonly tenantId: string
  readonly subject: string
  readonly sealed: Buffer
  readonly kekId: string
}

/** A foreign subject of a tenant: hex of SHA-256. */
export type SubjectName = Pick<SubjectKeyRow, 'tenantId' | 'subject'>

/** The keys of these foreign subjects that exist. */
export async function readSubjectKeys(sql: Sql, names: readonly SubjectName[]): Promise<SubjectKeyRow[]> {
  const tenants = `{${names.map(({ tenantId }) => tenantId).join(',')}}`
  const subjects = `{${names.map(({ subject }) => subject).join(',')}}`
  return sql<SubjectKeyRow[]>`
    select k.id, k.tenant_id as "tenantId", n.subject, k.key_sealed as sealed, k.kek_id as "kekId"
      from unnest(${tenants}::text::uuid[], ${subjects}::text::text[]) n(tenant, subject)
      join mayfly.subject_key k on k.tenant_id = n.tenant and k.subject_hash = decode(n.subject, 'hex')`
}

/** The claim secret's SHA-256 that an account gets, and the event that tells of it. */
export interface ClaimRenewal {
  readonly tenantId: string
  readonly accountId: string
  readonly claimHash: Buffer
  readonly leaf: string
  readonly body: string
}

/** Replaces the claim secret of a live account and logs it, in one statement; false when the account is no longer live. */
export async function replaceClaimHash(sql: Sql, renewal: ClaimRenewal): Promise<boolean> {
  const { tenantId, accountId, claimHash, leaf, body } = renewal
  const written = await sql`
    with changed as (
      update mayfly.account set claim_hash = ${claimHash}
       where id = ${accountId} and state = 'a' and deadline > clock_timestamp() returning id
    )
    insert into log.pending (tenant_id, leaf, body) select ${tenantId}::uuid, ${leaf}::text, ${body}::text from changed`
  return written.count > 0
}

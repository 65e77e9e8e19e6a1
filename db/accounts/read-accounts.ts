import type { Sql } from 'postgres'
import { arrayText } from '../array-text.ts'

/** a active, m completed, e expired, r revoked, c claimed, x closed, h held since a restore until somebody has looked at it */
export type AccountState = 'a' | 'm' | 'e' | 'r' | 'c' | 'x' | 'h'

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
  /** Of a claimed account: whether its agent may come back in, and somebody looks after it. */
  readonly readmitted: boolean
}

/** What an account is looked up by: its id or its task key, in its tenant. uuids. */
export interface AccountName {
  readonly tenantId: string
  readonly name: string
}

/** The accounts among these ids and task keys that exist in the tenants named, ended ones too; one round trip. */
export async function readAccounts(
  sql: Sql,
  ids: readonly AccountName[],
  taskKeys: readonly AccountName[],
): Promise<AccountRow[]> {
  const tenants = (names: readonly AccountName[]) => arrayText(names.map(({ tenantId }) => tenantId))
  const names = (of: readonly AccountName[]) => arrayText(of.map(({ name }) => name))
  return sql<AccountRow[]>`
    select id, tenant_id as "tenantId", agent_id as "agentId", task_key as "taskKey", task_id as "taskId", state::text as state, generation,
           extract(epoch from deadline)::float8 as "deadlineSeconds", ceiling_id::text as "ceilingId",
           encode(opener, 'hex') as opener, encode(opening_key, 'hex') as "openingKey",
           root_id as "rootId", case when readmitted then log.is_attended(id) else false end as readmitted
      from across.read_accounts(${tenants(ids)}::text::uuid[], ${names(ids)}::text::uuid[],
             ${tenants(taskKeys)}::text::uuid[], ${names(taskKeys)}::text::uuid[])`
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
  const tenants = arrayText(names.map(({ tenantId }) => tenantId))
  const subjects = arrayText(names.map(({ subject }) => subject))
  return sql<SubjectKeyRow[]>`
    select id, tenant_id as "tenantId", subject, key_sealed as sealed, kek_id as "kekId"
      from across.read_subject_keys(${tenants}::text::uuid[], ${subjects}::text::text[])`
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
  const [row] = await sql<[{ replaced: boolean }]>`
    select across.replace_claim_hash(${tenantId}, ${accountId}, ${claimHash}, ${leaf}, ${body}) as replaced`
  return row.replaced
}

import type { Sql } from 'postgres'
import type { AccountRow } from '../accounts/read-accounts.ts'
import { roomOf } from './room.ts'

/** What `log.append` says of each request; only `appended` wrote anything. */
const appendOutcomes = [
  'appended',
  'config_changed',
  'account_not_live',
  'account_exists',
  'subject_token_pinned',
  'subject_key_exists',
  'task_ended',
  'tenant_full',
  'agent_full',
  'parent_full',
  'address_full',
] as const
export type AppendOutcome = (typeof appendOutcomes)[number]

/** A row for `mayfly.account`. Hashes are hex; deadline in seconds since the epoch. */
export interface Opening {
  readonly id: string
  readonly tenant: string
  readonly agent: string
  readonly task_key: string
  readonly task_id: string
  readonly opener: string
  readonly deadline: number
  readonly ceiling: string
  /** Null: nobody can claim it. */
  readonly claim_hash: string | null
  readonly opening_key: string | null
  /** How many active accounts there may be, this one included; what is not named is without limit. */
  readonly limits?: { readonly tenant?: number; readonly agent?: number; readonly parent?: number; readonly address?: number }
  /** What accounts opened from the caller's address count for, uuid; absent: nobody limits them. */
  readonly address?: string
  readonly lineage?: NewLineage
}

/** Where a child account descends from; the lists go from its parent outwards to the root. */
export interface NewLineage {
  readonly root: string
  readonly parent: string
  readonly depth: number
  readonly max_depth: number
  readonly ancestors: readonly string[]
  /** Of the ancestors, at the opening. */
  readonly generations: readonly number[]
  readonly agents: readonly string[]
  readonly quota: object | null
}

/**
 * SHA-256 of what the subject token's signature covers, and the key's thumbprint (hex, empty when no key was presented).
 * until: seconds since the epoch.
 */
export interface Pin {
  readonly token_hash: string
  readonly key: string
  readonly until: number
}

/** A foreign subject's new key, sealed (hex). */
export interface NewSubjectKey {
  readonly id: string
  readonly tenant: string
  readonly subject: string
  readonly sealed: string
  readonly kek: string
}

/** Where a token stands in a status list, and all that a revocation can be about. Ids are uuids; until: seconds since the epoch. */
export interface NewTokenStatus {
  readonly tenant: string
  readonly list: string
  readonly idx: number
  readonly token: string
  readonly account: string
  readonly generation: number
  readonly root: string
  /** Who presents the token, and for whom: its `act` chain. */
  readonly agents: readonly string[]
  readonly config: number
  readonly kid: string
  readonly until: number
}

export interface AppendRequest {
  readonly tenantId: string | null
  /** Config epoch that the request was decided under; null: under none. */
  readonly configEpoch: number | null
  readonly account: { readonly id: string; readonly generation: number } | null
  /** `exp` of what is issued, seconds since the epoch. */
  readonly untilSeconds: number
  readonly events: readonly { readonly leaf: string; readonly body: string }[]
  readonly opening: Opening | null
  readonly pin: Pin | null
  readonly subjectKey: NewSubjectKey | null
  /** Left out: what is issued stands in no status list. */
  readonly status?: NewTokenStatus
}

export interface AppendAnswer {
  /** The database's clock at the decision, milliseconds since the epoch. */
  readonly databaseMs: number
  readonly firstPosition: bigint
  readonly outcomes: readonly AppendOutcome[]
  /** The accounts of tasks that requests wanted to open and that have one already (`account_exists`). */
  readonly existing: readonly AccountRow[]
}

/** JSON has no infinity. */
type ExistingRow = Omit<AccountRow, 'deadlineSeconds'> & { readonly deadlineSeconds: number | null }

const arrayOf = (values: readonly (string | number | null)[]): string => `{${values.map(value => value ?? 'NULL').join(',')}}`

/** JSON for the rows that some requests bring, each marked with its request's number from 1; null when none does. */
function numbered<Row>(requests: readonly AppendRequest[], pick: (request: AppendRequest) => Row | null): string | null {
  const rows: string[] = []
  requests.forEach((request, index) => {
    const row = pick(request)
    if (row !== null) rows.push(JSON.stringify({ n: index + 1, ...row }))
  })
  return rows.length === 0 ? null : `[${rows.join(',')}]`
}

function openingRow({ opening }: AppendRequest): object | null {
  if (opening === null) return null
  const { lineage, limits, ...row } = opening
  return lineage ? { ...row, root: lineage.root } : row
}

function lineageRow({ opening }: AppendRequest): object | null {
  return opening?.lineage ? { id: opening.id, tenant: opening.tenant, ...opening.lineage } : null
}

/**
 * V8 puts a function that is assigned to a property (`this.resolve = x => …`, postgres.js's Query) into the old generation at once.
 * Through it everything that the query holds gets there, too, and stays until the next slow round. So what is large is taken out.
 * The names are the library's own, not of its interface; where they are others nothing is lost.
 */
function forgetArguments(query: object): void {
  Object.assign(query, { args: null, parameters: null, string: null, signature: null })
}

/** One call, one commit, one round trip for a whole batch. Throws the database's error when nothing was committed or that is unknown. */
export async function appendBatch(sql: Sql, requests: readonly AppendRequest[]): Promise<AppendAnswer> {
  const owners: number[] = []
  const leaves: string[] = []
  const bodies: string[] = []
  requests.forEach((request, index) => {
    for (const event of request.events) {
      owners.push(index + 1)
      leaves.push(event.leaf)
      bodies.push(event.body)
    }
  })
  const query = sql<[{ database_ms: number; first_position: bigint; outcomes: number[]; existing: ExistingRow[] | null }]>`
    select * from log.append(
      ${arrayOf(requests.map(r => r.tenantId))}::text::uuid[],
      ${arrayOf(requests.map(r => r.configEpoch))}::text::bigint[],
      ${arrayOf(requests.map(r => r.account?.id ?? null))}::text::uuid[],
      ${arrayOf(requests.map(r => r.account?.generation ?? null))}::text::integer[],
      ${arrayOf(requests.map(r => r.untilSeconds))}::text::bigint[],
      ${arrayOf(owners)}::text::integer[],
      ${leaves.join('\n')}::text, ${bodies.join('\n')}::text,
      ${numbered(requests, openingRow)}::text::jsonb,
      ${numbered(requests, r => r.pin)}::text::jsonb,
      ${numbered(requests, r => r.subjectKey)}::text::jsonb,
      ${numbered(requests, lineageRow)}::text::jsonb,
      ${roomOf(requests.map(r => r.opening))}::text::jsonb,
      ${numbered(requests, r => r.status ?? null)}::text::jsonb)`
  const [row] = await query
  forgetArguments(query)
  return {
    databaseMs: row.database_ms,
    firstPosition: row.first_position,
    outcomes: row.outcomes.map(code => appendOutcomes[code] ?? 'config_changed'),
    existing: (row.existing ?? []).map(account => ({
      ...account,
      deadlineSeconds: account.deadlineSeconds ?? Number.POSITIVE_INFINITY,
    })),
  }
}

import type { Sql } from 'postgres'
import type { FeedEntryRow } from '../revocation/feed.ts'
import type { AccountState } from './read-accounts.ts'

/** One change of one account, as it is proposed to the commit. */
export interface AccountChange {
  readonly accountId: string
  readonly tenantId: string
  readonly transition: string
  /** That the account must have; null: any. */
  readonly generation: number | null
  /** `extend`: the new deadline, seconds since the epoch. */
  readonly deadlineSeconds?: number | undefined
  /** `claim`, `narrow`: what the account may be granted from now on. */
  readonly ceilingId?: string | undefined
  /** `claim` */
  readonly claim?: { readonly personId: string; readonly readmitted: boolean; readonly reviewOn: string | null } | undefined
  /** What must still hold at the commit: which claim secret the account has, and what the tenant has registered. */
  readonly standsOn?: { readonly secretHash: Buffer; readonly configEpoch: number } | undefined
  readonly event: { readonly leaf: string; readonly body: string }
  /** What those who act on the change must know beside the account's id; holds no secret. */
  readonly outbox?: object | undefined
  /** uuid under which the feed tells of it, where the change revokes anything; undefined: any. */
  readonly revocationId?: string | undefined
  /** Who did it, for those who ask about the revocation: random ids and words of ours. */
  readonly by?: object | undefined
}

const outcomes = ['done', 'not_found', 'conflict', 'not_due', 'attached'] as const
/** `conflict`: its state, generation or ancestors do not allow it. `attached`: something outside is still to be torn down. */
export type TransitionOutcome = (typeof outcomes)[number]

export interface TransitionAnswer {
  readonly outcome: TransitionOutcome
  /** As it is now, changed or not; null: gone, or never there. */
  readonly state: AccountState | null
  readonly generation: number | null
  /** Seconds since the epoch; Infinity: none. */
  readonly deadlineSeconds: number | null
}

/** What the feed of a tenant tells of a commit, without a gap from its first epoch to its last. */
export interface PublishedEntries {
  readonly tenantId: string
  readonly shard: string
  readonly from: number
  readonly to: number
  readonly entries: readonly FeedEntryRow[]
  /** The database's clock at the change, milliseconds since the epoch. */
  readonly atMs: number
}

/** State, generation, deadline. */
type Standing = [AccountState | null, number | null, number | null]

interface PublishedRow {
  readonly tenant: string
  readonly shard: string
  readonly from: number
  readonly to: number
  readonly entries: readonly { epoch: number; kind: FeedEntryRow['kind']; match: string; least: number | null; until: number }[]
}

/**
 * One statement, one commit: each change is judged on its own, those that hold are made with their leaves and outbox rows, of the
 * others nothing is written. At most 500 changes, each of another account. Throws when nothing was committed or that is unknown.
 * onPublished: called with what it has revoked, once that is committed.
 */
export async function transitionAccounts(
  sql: Sql,
  changes: readonly AccountChange[],
  onPublished?: (published: PublishedEntries) => void,
): Promise<TransitionAnswer[]> {
  if (changes.length === 0) return []
  const rows = changes.map((change, index) => ({
    n: index + 1,
    id: change.accountId,
    tenant: change.tenantId,
    transition: change.transition,
    generation: change.generation,
    claim_hash: change.standsOn?.secretHash.toString('hex'),
    config_epoch: change.standsOn?.configEpoch,
    deadline: change.deadlineSeconds,
    ceiling: change.ceilingId,
    readmitted: change.claim?.readmitted,
    person: change.claim?.personId,
    review_on: change.claim?.reviewOn,
    outbox: change.outbox,
    revocation: change.revocationId,
    by: change.by,
  }))
  const leaves = changes.map(change => change.event.leaf).join('\n')
  const bodies = changes.map(change => change.event.body).join('\n')
  const [row] = await sql<[{ outcomes: number[]; now: Standing[]; published: PublishedRow[] | null; at_ms: number }]>`
    select t.outcomes, t.published, t.database_ms as at_ms, (select jsonb_agg(jsonb_build_array(s.state, s.generation, s.deadline) order by s.n)
             from unnest(t.states, t.generations, t.deadlines) with ordinality s(state, generation, deadline, n)) as now
      from log.transition_accounts(${JSON.stringify(rows)}::text::jsonb, ${leaves}::text, ${bodies}::text) t`
  if (onPublished) for (const published of row.published ?? []) onPublished(toEntries(published, row.at_ms))
  return row.outcomes.map((code, index) => {
    const [state, generation, deadline] = row.now[index]!
    const outcome = outcomes[code]
    if (outcome === undefined) throw new Error(`log.transition_accounts answered ${code}`)
    return { outcome, state, generation, deadlineSeconds: state === null ? null : (deadline ?? Number.POSITIVE_INFINITY) }
  })
}

function toEntries({ tenant: tenantId, shard, from, to, entries }: PublishedRow, atMs: number): PublishedEntries {
  const rows = entries.map(({ match, until, ...entry }) => ({
    ...entry,
    match: Buffer.from(match, 'base64'),
    untilSeconds: until,
  }))
  return { tenantId, shard, from, to, entries: rows, atMs }
}

import { sql } from 'kysely'
import type { Db } from '../connect.ts'
import type { AccountRow } from './read-accounts.ts'
import type { LineageRow } from './read-lineages.ts'

/** What a token of an account names. */
export interface AccountOfToken {
  readonly accountId: string
  readonly generation: number
}

export interface LiveAccount {
  readonly account: AccountRow & { /** Seconds since the epoch. */ readonly openedSeconds: number }
  /** Undefined: a root account. */
  readonly lineage: LineageRow | undefined
  /** Seconds since the epoch until when the first of its ancestors ends; Infinity for a root. */
  readonly ancestorsUntilSeconds: number
}

type Row = LiveAccount['account'] & { lineage: LineageRow | null; until: number | null; dead: number }

/**
 * The account, if its agent may use it now: of this generation, active (or claimed, with its agent let back in), before its
 * deadline on the database's clock, and so each of its ancestors. One statement. Undefined otherwise. db: of the tenant.
 */
export async function findLiveAccount(db: Db, { accountId, generation }: AccountOfToken): Promise<LiveAccount | undefined> {
  const { rows } = await sql<Row>`
    select a.id, a.tenant_id as "tenantId", a.agent_id as "agentId", a.task_key as "taskKey", a.task_id as "taskId",
           a.state::text as state, a.generation, extract(epoch from a.deadline)::float8 as "deadlineSeconds",
           extract(epoch from a.opened_at)::float8 as "openedSeconds", a.ceiling_id::text as "ceilingId",
           encode(a.opener, 'hex') as opener, encode(a.opening_key, 'hex') as "openingKey", a.root_id as "rootId", a.readmitted,
           case when l.account_id is not null then jsonb_build_object('accountId', l.account_id, 'rootId', l.root_id,
             'parentId', l.parent_id, 'depth', l.depth, 'maxDepth', l.max_depth, 'ancestors', to_jsonb(l.ancestors),
             'generations', to_jsonb(l.generations), 'agents', to_jsonb(l.agents), 'quota', l.quota) end as lineage,
           extract(epoch from p.until)::float8 as until, p.dead
      from mayfly.account a
      left join mayfly.lineage l on a.root_id is not null and l.account_id = a.id,
           lateral (
             select min(o.deadline) as until,
                    count(*) filter (where (o.generation = g.generation and o.state = 'a' and o.deadline > clock_timestamp()) is not true)::int as dead
               from unnest(l.ancestors, l.generations) g(id, generation) left join mayfly.account o on o.id = g.id
           ) p
     where a.id = ${accountId} and a.generation = ${generation}
       and (a.state = 'a' or (a.state = 'c' and a.readmitted and log.is_attended(a.id))) and a.deadline > clock_timestamp()
       and (a.root_id is null or l.account_id is not null)`.execute(db)
  const [row] = rows
  if (!row || row.dead > 0) return undefined
  const { lineage, until, dead: _, ...account } = row
  return { account, lineage: lineage ?? undefined, ancestorsUntilSeconds: until ?? Number.POSITIVE_INFINITY }
}

// Accounts that a revocation ends, in batches (`0033_revoking.sql`). The row says how far it has come; whoever reads it may go on.

import { sql } from 'kysely'
import { arrayText } from '../array-text.ts'
import type { Db, Trx } from '../connect.ts'
import type { Executor } from '../unscoped-db.ts'

export interface NewSweep {
  /** uuid of the revocation. */
  readonly id: string
  readonly tenantId: string
  /** uuids of the agents whose accounts end; null: of all. */
  readonly agents: readonly string[] | null
  /** Who ordered it: random ids and words of ours. */
  readonly facts: object
}

/** trx: of the tenant, and the one that publishes the revocation: accounts that are opened behind that are none of its business. */
export async function insertSweep(trx: Trx, { id, tenantId, agents, facts }: NewSweep): Promise<void> {
  await sql`insert into mayfly.sweep (id, tenant_id, agents, facts)
    values (${id}, ${tenantId}, ${agents && arrayText(agents)}::text::uuid[], ${JSON.stringify(facts)}::text::jsonb)`.execute(trx)
}

export interface SweepName {
  readonly id: string
  readonly tenantId: string
}

export interface SweptAccount {
  readonly id: string
  readonly agentId: string
  readonly generation: number
  /** a: it ends. c: somebody owns it, and only its agent is shut out. */
  readonly state: 'a' | 'c'
}

export interface SweepBatch {
  readonly accounts: readonly SweptAccount[]
  readonly facts: Readonly<Record<string, unknown>>
  /** The database's clock, milliseconds since the epoch. */
  readonly nowMs: number
}

/** The next accounts, by their ids; undefined: it is finished, or there is no such sweep. db: of the tenant. */
export async function readSweepBatch(db: Db, { id, tenantId }: SweepName, limit: number): Promise<SweepBatch | undefined> {
  const { rows } = await sql<SweepBatch>`
    select s.facts, extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs", coalesce((
        select jsonb_agg(jsonb_build_object('id', a.id, 'agentId', a.agent_id, 'generation', a.generation, 'state', a.state::text) order by a.id)
          from (select a.* from mayfly.account a
                 where a.tenant_id = s.tenant_id and a.id > s.resume_after
                   -- Both times were taken with the log's head held, so nothing can lie between them.
                   and a.opened_at < (select min(r.at) from mayfly.revocation r where r.id = s.id and r.tenant_id = s.tenant_id)
                   and (s.agents is null or a.agent_id = any(s.agents))
                   and (a.state = 'a' and a.deadline > clock_timestamp() or a.state = 'c' and a.readmitted)
                 order by a.id limit ${limit}) a), '[]') as accounts
      from mayfly.sweep s where s.id = ${id} and s.tenant_id = ${tenantId} and s.finished_at is null`.execute(db)
  return rows[0]
}

/** Goes on behind `resumeAfter` from now on; null: there was nothing left. */
export async function advanceSweep(
  db: Db,
  { id, tenantId }: SweepName,
  { resumeAfter, ended }: { readonly resumeAfter: string | null; readonly ended: number },
): Promise<void> {
  await sql`update mayfly.sweep set touched_at = clock_timestamp(), ended = ended + ${ended},
      resume_after = greatest(resume_after, coalesce(${resumeAfter}::uuid, resume_after)),
      finished_at = case when ${resumeAfter}::uuid is null then clock_timestamp() end
    where id = ${id} and tenant_id = ${tenantId} and finished_at is null`.execute(db)
}

/** How far it has come; undefined: the revocation ends no accounts. db: of the tenant. */
export async function findSweep(
  db: Db,
  { id, tenantId }: SweepName,
): Promise<{ readonly ended: number; readonly finished: boolean } | undefined> {
  const { rows } = await sql<{ ended: number; finished: boolean }>`
    select ended::float8 as ended, finished_at is not null as finished from mayfly.sweep
     where id = ${id} and tenant_id = ${tenantId}`.execute(db)
  return rows[0]
}

/** Of all tenants, those that nobody has worked on for so long. */
export async function findIdleSweeps(db: Executor, idleSeconds: number, limit: number): Promise<SweepName[]> {
  const { rows } = await sql<SweepName>`
    select id, tenant_id as "tenantId" from across.idle_sweeps(${idleSeconds}::float8, ${limit}::integer)`.execute(db)
  return rows
}

/** Forgets those that were finished longer ago; returns how many. */
export async function dropSweeps(db: Executor, olderThanSeconds: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`select across.drop_sweeps(${olderThanSeconds}::float8) as count`.execute(db)
  return rows[0]!.count
}

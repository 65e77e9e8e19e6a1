// Where registrations, proposals and messages may hold what somebody is called. Each place is a row here: what is found there, and
// what becomes of it. `pattern`: a regular expression of PostgreSQL (`core/audit/erasure/word-pattern.ts`).

import { sql } from 'kysely'
import { arrayText } from '../array-text.ts'
import type { Db, Trx } from '../connect.ts'

const erased = 'erased'

/** What an erasure did beyond the log. */
export interface Forgotten {
  /** Agents that have no owner any more. */
  readonly agentIds: string[]
  /** Rows that were changed or deleted, people not counted. */
  readonly rows: number
}

/** The row stays, because what somebody did points at it; who it was does not. trx: of the tenant, or of the deployment. */
export async function forgetPeople(trx: Trx, personIds: readonly string[]): Promise<void> {
  const ids = arrayText(personIds)
  await sql`
    update mayfly.person set issuer = ${erased}, subject = id::text, name = null, email = null, left_at = coalesce(left_at, clock_timestamp())
     where id = any(${ids}::text::uuid[])`.execute(trx)
  // What they gave as their reason is in their words.
  await sql`update mayfly.change set break_glass_reason = null where decider_person_id = any(${ids}::text::uuid[])`.execute(trx)
}

/** Takes the words out of every place that a transaction may reach. trx: of the tenant, or of the deployment. */
export async function forgetWords(trx: Trx, tenantId: string | null, pattern: string): Promise<Forgotten> {
  const agents = await sql<{ id: string }>`
    update mayfly.agent set owner = ${erased}, review_on = (clock_timestamp() at time zone 'UTC')::date, updated_at = clock_timestamp()
     where owner ~* ${pattern} returning id`.execute(trx)
  let rows = agents.rows.length
  for (const statement of statements(tenantId, pattern)) rows += Number((await statement.execute(trx)).numAffectedRows ?? 0n)
  return { agentIds: agents.rows.map(({ id }) => id), rows }
}

const statements = (tenantId: string | null, p: string) => [
  sql`
    update mayfly.change set body = null, before = null, after = null,
        status = case when status in ('waiting', 'approved') then 'withdrawn' else status end
     where body::text ~* ${p} or before::text ~* ${p} or after::text ~* ${p}`,
  sql`update mayfly.change set break_glass_reason = null where break_glass_reason ~* ${p}`,
  sql`update mayfly.credential set name = ${erased} where name ~* ${p}`,
  sql`update mayfly.join_token set note = null where note ~* ${p}`,
  sql`update mayfly.legal_hold set matter = ${erased} where matter ~* ${p}`,
  // It would let the subject renew.
  sql`delete from mayfly.enrolment where instance ~* ${p}`,
  sql`delete from mayfly.idempotency where response::text ~* ${p}`,
  sql`delete from mayfly.webhook_message where body ~* ${p}`,
  sql`delete from mayfly.ssf_subject where subject::text ~* ${p}`,
  sql`delete from mayfly.ssf_notice where claims::text ~* ${p}`,
  sql`delete from mayfly.ssf_dead_letter where event::text ~* ${p} or description ~* ${p}`,
  ...(tenantId === null ? [] : [sql`select across.unname_tasks(${tenantId}, ${p})`]),
]

export interface Naming {
  readonly kind: 'agent' | 'trustSource' | 'signInProvider' | 'connector' | 'webhook' | 'resource' | 'receiver' | 'stream'
  readonly id: string
}

/** Registrations that name it: what they decide cannot be decided by erasing. Twenty at most. db: of the tenant, or of the deployment. */
export async function findNaming(db: Db, pattern: string): Promise<Naming[]> {
  const p = pattern
  const { rows } = await sql<Naming>`
    select 'agent' as kind, id from mayfly.agent where name ~* ${p} or rules::text ~* ${p} or settings::text ~* ${p}
    union all select 'trustSource', id from mayfly.trust_source where name ~* ${p} or audience ~* ${p} or config::text ~* ${p}
    union all select 'signInProvider', id from mayfly.sign_in_provider where name ~* ${p} or config::text ~* ${p}
    union all select 'connector', id from mayfly.connector where name ~* ${p} or config::text ~* ${p}
    union all select 'webhook', id from mayfly.webhook where name ~* ${p} or config::text ~* ${p}
    union all select 'resource', id from mayfly.resource where name ~* ${p} or uri ~* ${p} or config::text ~* ${p}
    union all select 'receiver', id from mayfly.ssf_receiver where name ~* ${p} or audience ~* ${p}
    union all select 'stream', id from mayfly.ssf_stream where description ~* ${p} or endpoint_url ~* ${p} or status_reason ~* ${p}
    limit 20`.execute(db)
  return rows
}

/** People of the handle's tenant, or of the deployment, by issuer and subject. */
export async function findPeopleNamed(db: Db, issuer: string, subject: string): Promise<{ readonly id: string }[]> {
  return db.selectFrom('mayfly.person').select('id').where('issuer', '=', issuer).where('subject', '=', subject).execute()
}

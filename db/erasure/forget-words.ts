// Where registrations, proposals and messages may hold what somebody is called. Each place is a row here: what is found there, and
// what becomes of it. `pattern`: a regular expression of PostgreSQL (`core/audit/erasure/word-pattern.ts`).

import { type RawBuilder, sql } from 'kysely'
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
  for (const { table, where, set } of placesOf(pattern)) {
    const change = set ? sql`update ${table} set ${set} where ${where}` : sql`delete from ${table} where ${where}`
    rows += Number((await change.execute(trx)).numAffectedRows ?? 0n)
  }
  if (tenantId !== null) await sql`select across.unname_tasks(${tenantId}, ${pattern})`.execute(trx)
  return { agentIds: agents.rows.map(({ id }) => id), rows }
}

export interface FoundWords {
  /** A kind of place. */
  readonly where: string
  readonly rows: number
  /** Whether rows go as a whole, and not the words alone. */
  readonly deleted: boolean
}

/** What `forgetWords` would change, by kind of place; those with nothing are left out. db: of the tenant, or of the deployment. */
export async function countWords(db: Db, pattern: string): Promise<FoundWords[]> {
  const found = new Map<string, FoundWords>()
  const more = [
    { what: 'agents', table: sql`mayfly.agent`, where: sql`owner ~* ${pattern}`, set: sql`` },
    { what: 'tasks', table: sql`mayfly.account`, where: sql`task_id ~* ${pattern}`, set: sql`` },
  ]
  for (const { what, table, where, set } of [...more, ...placesOf(pattern)]) {
    const { rows } = await sql<{ rows: number }>`select count(*)::int as rows from ${table} where ${where}`.execute(db)
    const count = (found.get(what)?.rows ?? 0) + rows[0]!.rows
    if (count > 0) found.set(what, { where: what, rows: count, deleted: set === undefined })
  }
  return [...found.values()]
}

interface Place {
  /** For people. */
  readonly what: string
  readonly table: RawBuilder<unknown>
  readonly where: RawBuilder<unknown>
  /** Left out: the row goes. */
  readonly set?: RawBuilder<unknown>
}

const placesOf = (p: string): readonly Place[] => [
  {
    what: 'proposals',
    table: sql`mayfly.change`,
    where: sql`body::text ~* ${p} or before::text ~* ${p} or after::text ~* ${p}`,
    set: sql`body = null, before = null, after = null,
      status = case when status in ('waiting', 'approved') then 'withdrawn' else status end`,
  },
  { what: 'reasons', table: sql`mayfly.change`, where: sql`break_glass_reason ~* ${p}`, set: sql`break_glass_reason = null` },
  { what: 'credentials', table: sql`mayfly.credential`, where: sql`name ~* ${p}`, set: sql`name = ${erased}` },
  { what: 'join tokens', table: sql`mayfly.join_token`, where: sql`note ~* ${p}`, set: sql`note = null` },
  { what: 'legal holds', table: sql`mayfly.legal_hold`, where: sql`matter ~* ${p}`, set: sql`matter = ${erased}` },
  // It would let the subject renew.
  { what: 'enrolments', table: sql`mayfly.enrolment`, where: sql`instance ~* ${p}` },
  { what: 'kept answers', table: sql`mayfly.idempotency`, where: sql`response::text ~* ${p}` },
  { what: 'messages that wait', table: sql`mayfly.webhook_message`, where: sql`body ~* ${p}` },
  { what: 'subjects of receivers', table: sql`mayfly.ssf_subject`, where: sql`subject::text ~* ${p}` },
  { what: 'signals that wait', table: sql`mayfly.ssf_notice`, where: sql`claims::text ~* ${p}` },
  {
    what: 'signals that were given up',
    table: sql`mayfly.ssf_dead_letter`,
    where: sql`event::text ~* ${p} or description ~* ${p}`,
  },
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

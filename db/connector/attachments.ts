import { type RawBuilder, sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'
import type { Page } from '../registry/page.ts'

/** Migration 0015 says what each means. */
export type AttachmentState = 'making' | 'active' | 'renewing' | 'locking' | 'locked' | 'ending' | 'kept' | 'gone'

export interface AttachmentRow {
  readonly id: string
  readonly tenant_id: string
  readonly account_id: string
  readonly agent_id: string
  readonly connector_id: string
  readonly state: AttachmentState
  readonly generation: number
  readonly rotation: number
  readonly due_at: Date
  readonly attempts: number
  readonly parked: boolean
  readonly ended_by: string | null
  readonly failure: string | null
  readonly created_at: Date
  readonly ended_at: Date | null
  readonly destroyed: unknown
  readonly receipt: string | null
}

const columns = [
  ...(['id', 'tenant_id', 'account_id', 'agent_id', 'connector_id', 'state', 'generation', 'rotation', 'due_at'] as const),
  ...(['attempts', 'parked', 'ended_by', 'failure', 'created_at', 'ended_at', 'destroyed', 'receipt'] as const),
] as const

/** What the check in the database says of the column. */
type Typed = { state: AttachmentState }

const inSeconds = (seconds: number): RawBuilder<Date> => sql<Date>`clock_timestamp() + make_interval(secs => ${seconds})`

export interface HeldAccount {
  readonly agentId: string
  readonly generation: number
  /** Seconds since the epoch; Infinity: none. */
  readonly deadlineSeconds: number
  readonly ceilingId: string
}

/**
 * The account, if its agent may use it now, its ancestors included. It stays as it is until the transaction ends: what ends or claims
 * it comes before, and is seen, or behind, and sees what was attached.
 */
export async function holdLiveAccount(
  trx: Trx,
  tenantId: string,
  accountId: string,
  generation?: number,
): Promise<HeldAccount | undefined> {
  const { rows } = await sql<HeldAccount>`
    select a.agent_id as "agentId", a.generation, extract(epoch from a.deadline)::float8 as "deadlineSeconds",
           a.ceiling_id::text as "ceilingId"
      from mayfly.account a
     where a.id = ${accountId} and a.tenant_id = ${tenantId} and (${generation ?? null}::int is null or a.generation = ${generation ?? null}::int)
       and (a.state = 'a' or (a.state = 'c' and a.readmitted and log.is_attended(a.id))) and a.deadline > clock_timestamp()
       and (a.root_id is null or exists (
         select from mayfly.lineage l where l.account_id = a.id and not exists (
           select from unnest(l.ancestors, l.generations) g(id, generation)
             left join mayfly.account o on o.id = g.id and o.generation = g.generation and o.state = 'a' and o.deadline > clock_timestamp()
            where o.id is null)))
       for share of a`.execute(trx)
  return rows[0]
}

/** That of an account by a connector which is not over. */
export function lockAttachmentBy(trx: Trx, accountId: string, connectorId: string): Promise<AttachmentRow | undefined> {
  return trx
    .selectFrom('mayfly.attachment')
    .select(columns)
    .where('account_id', '=', accountId)
    .where('connector_id', '=', connectorId)
    .where('state', 'not in', ['gone', 'kept'])
    .$narrowType<Typed>()
    .forUpdate()
    .executeTakeFirst()
}

export function lockAttachment(trx: Trx, id: string): Promise<AttachmentRow | undefined> {
  return trx
    .selectFrom('mayfly.attachment')
    .select(columns)
    .where('id', '=', id)
    .$narrowType<Typed>()
    .forUpdate()
    .executeTakeFirst()
}

/** All of an account, the last made first. */
export function lockAttachmentsOf(trx: Trx, tenantId: string, accountId: string): Promise<AttachmentRow[]> {
  return trx
    .selectFrom('mayfly.attachment')
    .select(columns)
    .where('tenant_id', '=', tenantId)
    .where('account_id', '=', accountId)
    .orderBy('ordinal', 'desc')
    .$narrowType<Typed>()
    .forUpdate()
    .execute()
}

export function insertAttachment(
  trx: Trx,
  row: Pick<AttachmentRow, 'id' | 'tenant_id' | 'account_id' | 'agent_id' | 'connector_id' | 'generation'>,
  leaseSeconds: number,
): Promise<AttachmentRow> {
  return trx
    .insertInto('mayfly.attachment')
    .values({ ...row, state: 'making', rotation: 1, due_at: inSeconds(leaseSeconds) })
    .returning(columns)
    .$narrowType<Typed>()
    .executeTakeFirstOrThrow()
}

export interface AttachmentChange {
  readonly state: AttachmentState
  /** From now; for states that somebody must see to. */
  readonly dueSeconds?: number
  readonly generation?: number
  readonly rotation?: number
  readonly attempts?: number
  readonly parked?: boolean
  readonly ended_by?: string | null
  readonly failure?: string | null
  readonly destroyed?: unknown
  readonly receipt?: string | null
  /** That its end is now. */
  readonly ended?: boolean
}

/** The row must be locked. */
export async function changeAttachment(trx: Trx, id: string, change: AttachmentChange): Promise<void> {
  const { dueSeconds, ended, destroyed, ...values } = change
  await trx
    .updateTable('mayfly.attachment')
    .set({
      ...values,
      ...(dueSeconds !== undefined && { due_at: inSeconds(dueSeconds) }),
      ...(ended && { ended_at: sql<Date>`clock_timestamp()` }),
      ...(destroyed !== undefined && { destroyed: JSON.stringify(destroyed) }),
    })
    .where('id', '=', id)
    .execute()
}

/** That the new deadline of an account is to be told outside, for all that it has. db: of the tenant. */
export async function markForExtension(db: Db, tenantId: string, accountId: string): Promise<void> {
  await sql`
    update mayfly.attachment set extend_due = clock_timestamp()
     where account_id = ${accountId} and tenant_id = ${tenantId} and state not in ('ending', 'kept', 'gone')`.execute(db)
}

/** It was told. due: of the lease; another extension since then stays to be told. */
export async function settleExtension(db: Db, id: string, due: string): Promise<void> {
  await sql`update mayfly.attachment set extend_due = null where id = ${id} and extend_due = ${due}::text::timestamptz`.execute(
    db,
  )
}

export function findAttachment(db: Db, tenantId: string, id: string, accountId: string): Promise<AttachmentRow | undefined> {
  return db
    .selectFrom('mayfly.attachment')
    .select(columns)
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .where('account_id', '=', accountId)
    .$narrowType<Typed>()
    .executeTakeFirst()
}

/** A page of a tenant's, by their ids. */
function pageOf(db: Db, tenantId: string, { limit, afterId }: Page) {
  const query = db.selectFrom('mayfly.attachment').select(columns).where('tenant_id', '=', tenantId).orderBy('id').limit(limit)
  return (afterId === undefined ? query : query.where('id', '>', afterId)).$narrowType<Typed>()
}

/** Those of an account, those that are gone included, until their receipts are old. */
export function listAttachments(db: Db, tenantId: string, accountId: string, page: Page): Promise<AttachmentRow[]> {
  return pageOf(db, tenantId, page).where('account_id', '=', accountId).execute()
}

/** Those of a tenant that failed so often that somebody must look at them. */
export function listParked(db: Db, tenantId: string, page: Page): Promise<AttachmentRow[]> {
  return pageOf(db, tenantId, page).where('parked', '=', true).execute()
}

/** What an account has outside, what is kept of it included; and all that it ever had, as far as that is not forgotten. */
export async function countAttachments(trx: Trx, accountId: string): Promise<{ readonly there: number; readonly ever: number }> {
  const { rows } = await sql<{ there: number; ever: number }>`
    select count(*) filter (where state <> 'gone')::int as there, count(*)::int as ever
      from mayfly.attachment where account_id = ${accountId}`.execute(trx)
  return rows[0]!
}

/** Where the account's deadline is now, seconds since the epoch; undefined: the account is not there any more. */
export async function readDeadline(db: Db, accountId: string): Promise<number | undefined> {
  const { rows } = await sql<{ deadline: number }>`
    select extract(epoch from deadline)::float8 as deadline from mayfly.account where id = ${accountId}`.execute(db)
  return rows[0]?.deadline
}

export interface Holding {
  readonly state: string
  /** Hex of SHA-256: who may use the account. */
  readonly opener: string
  /** Hex of SHA-256: the key that the account's own credential belongs to; null: it has none yet. */
  readonly key: string | null
}

/** Whose an account is; undefined: it is gone. */
export async function readHolding(db: Db, tenantId: string, accountId: string): Promise<Holding | undefined> {
  const { rows } = await sql<Holding>`
    select a.state::text as state, encode(a.opener, 'hex') as opener, encode(h.key_thumbprint, 'hex') as key
      from mayfly.account a left join mayfly.account_holder h on h.account_id = a.id
     where a.id = ${accountId} and a.tenant_id = ${tenantId}`.execute(db)
  return rows[0]
}

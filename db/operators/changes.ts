import { sql } from 'kysely'
import { arrayText } from '../array-text.ts'
import type { Db, Trx } from '../connect.ts'
import { type Page, readPage } from '../registry/page.ts'
import type { Executor } from '../unscoped-db.ts'
import { joinPerson } from './people.ts'

export interface ChangeRow {
  readonly id: string
  readonly tenant_id: string
  readonly class: string
  readonly operation: string
  readonly params: unknown
  readonly body: unknown
  readonly before: unknown
  readonly after: unknown
  /** As stored, or `expired`. */
  readonly status: string
  readonly proposer_id: string
  readonly proposer_role: string
  readonly proposer_tenant_id: string | null
  readonly proposer_person_id: string | null
  readonly created_at: Date
  readonly expires_at: Date
  readonly decider_id: string | null
  readonly decider_person_id: string | null
  readonly decided_at: Date | null
  readonly break_glass_reason: string | null
}

/** Who proposed and who decided, as they are called now. */
export interface ChangePeople {
  readonly proposer_person_tenant_id: string | null
  readonly proposer_issuer: string | null
  readonly proposer_subject: string | null
  readonly proposer_name: string | null
  readonly decider_issuer: string | null
  readonly decider_subject: string | null
  readonly decider_name: string | null
}

export type Change = ChangeRow & ChangePeople

export type NewChangeRow = Pick<
  ChangeRow,
  | 'id'
  | 'tenant_id'
  | 'class'
  | 'operation'
  | 'params'
  | 'body'
  | 'before'
  | 'after'
  | 'proposer_id'
  | 'proposer_role'
  | 'proposer_tenant_id'
  | 'proposer_person_id'
>

const columns = [
  'id',
  'tenant_id',
  'class',
  'operation',
  'params',
  'body',
  'before',
  'after',
  'proposer_id',
  'proposer_role',
  'proposer_tenant_id',
  'proposer_person_id',
  'created_at',
  'expires_at',
  'decider_id',
  'decider_person_id',
  'decided_at',
  'break_glass_reason',
] as const
const ofChange = columns.map(column => `c.${column}` as const)

/** By the database's clock, at the moment of the look: no job has to come by for a change to end. */
const isOver = sql<boolean>`c.status in ('waiting', 'approved') and c.expires_at <= clock_timestamp()`

const selectChanges = (db: Db) =>
  db
    .selectFrom('mayfly.change as c')
    .leftJoin(joinPerson('c.proposer_person_id').as('p'), join => join.onTrue())
    .leftJoin(joinPerson('c.decider_person_id').as('d'), join => join.onTrue())
    .select(ofChange)
    .select(sql<string>`case when ${isOver} then 'expired' else c.status end`.as('status'))
    .select([
      'p.tenant_id as proposer_person_tenant_id',
      'p.issuer as proposer_issuer',
      'p.subject as proposer_subject',
      'p.name as proposer_name',
      'd.issuer as decider_issuer',
      'd.subject as decider_subject',
      'd.name as decider_name',
    ])

export async function insertChange(trx: Trx, row: NewChangeRow): Promise<void> {
  await trx.insertInto('mayfly.change').values(row).execute()
}

export function findChange(db: Db, id: string, tenantId: string): Promise<Change | undefined> {
  return selectChanges(db).where('c.id', '=', id).where('c.tenant_id', '=', tenantId).executeTakeFirst()
}

/** Of whichever tenant it is; undefined: there is none. */
export async function findTenantOfChange(db: Executor, id: string): Promise<string | undefined> {
  const { rows } = await sql<{ tenant: string | null }>`select across.tenant_of_change(${id}) as tenant`.execute(db)
  return rows[0]!.tenant ?? undefined
}

/** Takes the change until the transaction ends: of two who decide at the same time, the second finds it decided. */
export async function lockChange(trx: Trx, id: string): Promise<void> {
  await trx.selectFrom('mayfly.change').select('id').where('id', '=', id).forUpdate().execute()
}

export function listChanges(db: Db, tenantId: string, page: Page, waitingOnly: boolean): Promise<Change[]> {
  let query = selectChanges(db).where('c.tenant_id', '=', tenantId)
  if (waitingOnly) query = query.where('c.status', '=', 'waiting').where('c.expires_at', '>', sql<Date>`clock_timestamp()`)
  return readPage(query, page, 'c.id')
}

export interface Decision {
  readonly status: 'approved' | 'applied' | 'rejected' | 'withdrawn'
  readonly deciderId: string
  readonly deciderPersonId: string | null
  readonly breakGlassReason?: string
}

/** An approval that is still to be collected lives for another seven days. */
export async function decideChange(trx: Trx, id: string, decision: Decision): Promise<void> {
  await trx
    .updateTable('mayfly.change')
    .set({
      status: decision.status,
      decider_id: decision.deciderId,
      decider_person_id: decision.deciderPersonId,
      decided_at: sql<Date>`clock_timestamp()`,
      break_glass_reason: decision.breakGlassReason ?? null,
      ...(decision.status === 'approved' && { expires_at: sql<Date>`clock_timestamp() + interval '7 days'` }),
    })
    .where('id', '=', id)
    .execute()
}

/** What was let pass is now done. after: what is shown of the outcome, where it may be kept. */
export async function markApplied(trx: Trx, id: string, after: object | undefined): Promise<void> {
  await trx
    .updateTable('mayfly.change')
    .set({ status: 'applied', ...(after && { after }) })
    .where('id', '=', id)
    .execute()
}

/** What a credential that was ended had proposed, in whichever tenant, is not applied any more. Returns which that was. */
export async function withdrawChangesOf(
  trx: Trx,
  credentialIds: readonly string[],
): Promise<readonly { readonly id: string; readonly tenantId: string }[]> {
  if (credentialIds.length === 0) return []
  const { rows } = await sql<{ id: string; tenantId: string }>`
    select id, tenant_id as "tenantId" from across.withdraw_changes(${arrayText(credentialIds)}::text::uuid[])`.execute(trx)
  return rows
}

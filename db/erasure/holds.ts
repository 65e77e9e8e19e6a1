import { sql } from 'kysely'
import { arrayText } from '../array-text.ts'
import type { Db, Trx } from '../connect.ts'
import { type Page, readPage } from '../registry/page.ts'
import type { Executor } from '../unscoped-db.ts'

export const holdKinds = ['tenant', 'account', 'agent', 'person'] as const
export type HoldKind = (typeof holdKinds)[number]

export interface HoldRow {
  readonly id: string
  readonly tenant_id: string
  readonly kind: string
  readonly target_id: string | null
  readonly matter: string
  readonly placed_by: string
  readonly placed_at: Date
  readonly lifted_by: string | null
  readonly lifted_at: Date | null
}

export interface NewHold {
  readonly id: string
  readonly tenantId: string
  readonly kind: HoldKind
  readonly targetId: string | null
  /** Null: it is not known which. */
  readonly keyIds: readonly string[] | null
  readonly matter: string
  readonly placedBy: string
}

const columns = ['id', 'tenant_id', 'kind', 'target_id', 'matter', 'placed_by', 'placed_at', 'lifted_by', 'lifted_at'] as const

export async function insertHold(trx: Trx, hold: NewHold): Promise<HoldRow> {
  await sql`
    insert into mayfly.legal_hold (id, tenant_id, kind, target_id, key_ids, matter, placed_by)
      values (${hold.id}, ${hold.tenantId}, ${hold.kind}, ${hold.targetId},
        ${hold.keyIds === null ? null : arrayText(hold.keyIds)}::text::uuid[], ${hold.matter}, ${hold.placedBy})`.execute(trx)
  return (await findHold(trx, hold.id))!
}

export function findHold(db: Db, id: string): Promise<HoldRow | undefined> {
  return db.selectFrom('mayfly.legal_hold').select(columns).where('id', '=', id).executeTakeFirst()
}

export function listHolds(db: Db, page: Page): Promise<HoldRow[]> {
  const query = db.selectFrom('mayfly.legal_hold').select(columns)
  return readPage(query, page)
}

/**
 * Holds that last and cover an account: on itself, its agent, whoever opened or claimed it, or the whole tenant. agentId: null where only a
 * tombstone is left of it. db: of the tenant.
 */
export async function findHoldsOver(
  db: Db,
  { accountId, agentId }: { readonly accountId: string; readonly agentId: string | null },
): Promise<HoldRow[]> {
  const { rows } = await sql<HoldRow>`
    select ${sql.join(columns.map(name => sql.ref(`h.${name}`)))} from mayfly.legal_hold h
     where h.lifted_at is null
       and (h.kind = 'tenant' or h.kind = 'account' and h.target_id = ${accountId} or h.kind = 'agent' and h.target_id = ${agentId}
         or h.kind = 'person' and h.target_id = (select c.person_id from mayfly.claim c where c.account_id = ${accountId})
         or h.key_ids @> (
           select array[substring(log.find_opening(a.id, a.opened_at) from '"subject_key":"([0-9a-f-]{36})"')::uuid]
             from mayfly.account a where a.id = ${accountId}))
     order by h.id`.execute(db)
  return rows
}

/** False: it is lifted already, or not there. */
export async function liftHold(trx: Trx, id: string, liftedBy: string): Promise<boolean> {
  const result = await trx
    .updateTable('mayfly.legal_hold')
    .set({ lifted_by: liftedBy, lifted_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('lifted_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Whether a hold of these tenants covers any of these people or keys. */
export async function isHeld(
  db: Executor,
  what: { readonly tenantIds: readonly string[]; readonly personIds: readonly string[]; readonly keyIds: readonly string[] },
): Promise<boolean> {
  const { rows } = await sql<{ held: boolean }>`
    select across.is_held(${arrayText(what.tenantIds)}::text::uuid[], ${arrayText(what.personIds)}::text::uuid[],
      ${arrayText(what.keyIds)}::text::uuid[]) as held`.execute(db)
  return rows[0]!.held
}

/**
 * Whether a hold of the handle's tenant covers somebody or something that is called so: a held person, the owner of a held agent, the
 * task of a held account. pattern: a regular expression of PostgreSQL (`core/audit/erasure/word-pattern.ts`).
 */
export async function isNamedHeld(db: Db, pattern: string): Promise<boolean> {
  const { rows } = await sql<{ held: boolean }>`
    select exists (
      select from mayfly.legal_hold h
        left join mayfly.person p on h.kind = 'person' and p.id = h.target_id
        left join mayfly.agent g on h.kind = 'agent' and g.id = h.target_id
        left join mayfly.account a on h.kind = 'account' and a.id = h.target_id
       where h.lifted_at is null
         and (p.subject ~* ${pattern} or p.name ~* ${pattern} or p.email ~* ${pattern} or g.owner ~* ${pattern} or a.task_id ~* ${pattern})
    ) as held`.execute(db)
  return rows[0]!.held
}

/** Whether the handle's tenant has or had this account. */
export async function isAccountKnown(db: Db, id: string): Promise<boolean> {
  const { rows } = await sql<{ known: boolean }>`
    select exists (select from mayfly.account where id = ${id}) or exists (select from mayfly.tombstone where account_id = ${id}) as known`.execute(
    db,
  )
  return rows[0]!.known
}

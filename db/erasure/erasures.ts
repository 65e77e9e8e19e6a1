import { sql } from 'kysely'
import { arrayText } from '../array-text.ts'
import type { Db, Trx } from '../connect.ts'
import type { Page } from '../registry/page.ts'
import type { Executor } from '../unscoped-db.ts'

export interface ErasureRow {
  readonly id: string
  readonly tenant_id: string | null
  readonly key_ids: string[]
  readonly person_ids: string[]
  readonly agent_ids: string[]
  readonly asked_at: Date
  readonly removed: bigint
  readonly swept_at: Date | null
  readonly ledgered_at: Date | null
  readonly replayed: boolean
}

export interface NewErasure {
  readonly id: string
  readonly tenantId: string | null
  readonly keyIds: readonly string[]
  readonly personIds: readonly string[]
  /** base64url; null: there was no key to seal it under. */
  readonly sealed: string | null
  readonly sealedUnder: string | null
  /** Null: sealed under a subject's key. */
  readonly sealedStep: number | null
  /** It stands in the ledger already. */
  readonly replayed: boolean
}

/** Lists are read as text: not every driver knows arrays of uuids. */
const columns =
  sql.raw(`id, tenant_id, to_json(key_ids) as key_ids, to_json(person_ids) as person_ids, to_json(agent_ids) as agent_ids,
  asked_at, removed, swept_at, ledgered_at, replayed`)

export async function insertErasure(trx: Trx, row: NewErasure): Promise<void> {
  await sql`
    insert into mayfly.erasure (id, tenant_id, key_ids, person_ids, sealed, sealed_under, sealed_step, replayed)
      values (${row.id}, ${row.tenantId}, ${arrayText(row.keyIds)}::text::uuid[], ${arrayText(row.personIds)}::text::uuid[],
        ${row.sealed}, ${row.sealedUnder}, ${row.sealedStep}, ${row.replayed})`.execute(trx)
}

export async function noteOwnerless(trx: Trx, id: string, agentIds: readonly string[]): Promise<void> {
  await sql`update mayfly.erasure set agent_ids = ${arrayText(agentIds)}::text::uuid[] where id = ${id}`.execute(trx)
}

/**
 * Destroys the keys of an erasure that this transaction has inserted, logs its event, and has every broker forget the keys. Throws the
 * database's `object_in_use` where a legal hold covers it, `invalid_parameter_value` for the event of anything else.
 */
export async function destroySubjectKeys(
  trx: Trx,
  erasureId: string,
  { leaf, body }: { readonly leaf: string; readonly body: string },
): Promise<void> {
  await sql`select across.destroy_subject_keys(${erasureId}, ${leaf}, ${body})`.execute(trx)
}

export interface SealedSubjectKey {
  readonly id: string
  readonly tenant_id: string
  readonly key_sealed: Buffer
  readonly kek_id: string
}

/** The keys of a subject in one tenant; null: in each. subject: hex of SHA-256. */
export async function findKeysOfSubject(db: Executor, tenantId: string | null, subject: string): Promise<SealedSubjectKey[]> {
  const { rows } = await sql<SealedSubjectKey>`select * from across.find_subject_keys(${tenantId}, ${subject})`.execute(db)
  return rows
}

export async function findKeysById(db: Executor, ids: readonly string[]): Promise<SealedSubjectKey[]> {
  const { rows } = await sql<SealedSubjectKey>`
    select * from across.find_keys_by_id(${arrayText(ids)}::text::uuid[])`.execute(db)
  return rows
}

export async function findErasure(db: Db, id: string): Promise<ErasureRow | undefined> {
  const { rows } = await sql<ErasureRow>`select ${columns} from mayfly.erasure where id = ${id}`.execute(db)
  return rows[0]
}

export async function listErasures(db: Db, page: Page): Promise<ErasureRow[]> {
  const { rows } = await sql<ErasureRow>`
    select ${columns} from mayfly.erasure where ${page.afterId ?? null}::uuid is null or id > ${page.afterId ?? null}
     order by id limit ${page.limit}`.execute(db)
  return rows
}

/** Accounts of the handle's tenant that live and were opened under these keys. */
export async function findLivingAccounts(db: Db, keyIds: readonly string[], limit: number): Promise<string[]> {
  if (keyIds.length === 0) return []
  const { rows } = await sql<{
    id: string
  }>`select id from log.living_accounts(${arrayText(keyIds)}::text::uuid[], ${limit})`.execute(db)
  return rows.map(({ id }) => id)
}

export interface ErasureUnderWay {
  readonly id: string
  readonly tenant_id: string | null
  readonly key_ids: string[]
  readonly person_ids: string[]
  readonly sealed: string | null
  readonly sealed_under: string | null
  readonly sealed_step: number | null
  readonly asked_at: Date
  readonly swept: boolean
  readonly ledgered: boolean
}

/** Of all tenants, oldest first: those whose rows are still looked for, or that are not in the ledger yet. */
export async function erasuresUnderWay(db: Executor, limit: number): Promise<ErasureUnderWay[]> {
  const { rows } = await sql<ErasureUnderWay>`
    select id, tenant_id, to_json(key_ids) as key_ids, to_json(person_ids) as person_ids, sealed, sealed_under, sealed_step, asked_at,
           swept, ledgered
      from across.erasures_under_way(${limit})`.execute(db)
  return rows
}

export interface ForgetStep {
  readonly finished: boolean
  readonly swept_to: bigint
  /** All that went so far. */
  readonly removed: bigint
}

/** Goes through the next `window` entries of the log. graceSeconds: how long a broker may still have had the keys. */
export async function forgetBodies(
  db: Executor,
  id: string,
  step: { readonly window: number; readonly graceSeconds: number },
): Promise<ForgetStep> {
  const { rows } = await sql<ForgetStep>`select * from log.forget_bodies(${id}, ${step.window}, ${step.graceSeconds})`.execute(db)
  return rows[0]!
}

export async function noteLedgered(db: Executor, ids: readonly string[]): Promise<void> {
  await sql`select across.note_ledgered(${arrayText(ids)}::text::uuid[])`.execute(db)
}

/** Those of these that the database knows. */
export async function findKnownErasures(db: Executor, ids: readonly string[]): Promise<Set<string>> {
  const { rows } = await sql<{ id: string }>`select id from across.known_erasures(${arrayText(ids)}::text::uuid[])`.execute(db)
  return new Set(rows.map(({ id }) => id))
}

/** Who was to be erased does not stay in proposals that are over. Returns how many were cleared. */
export async function clearProposedErasures(db: Executor): Promise<number> {
  const { rows } = await sql<{ count: number }>`select across.clear_proposed_erasures() as count`.execute(db)
  return rows[0]!.count
}

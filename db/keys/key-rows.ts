// Keys that rotate: rows with a state (migration 0008 tells what each means). Each table of them has at least these columns,
// so one set of queries serves all.

import { type RawBuilder, sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'
import type { Page } from '../registry/page.ts'
import type { Executor } from '../unscoped-db.ts'

export const keyTables = ['mayfly.signing_key', 'mayfly.ca_key'] as const
export type KeyTable = (typeof keyTables)[number]

export type KeyState = 'next' | 'active' | 'retiring' | 'retired'

export interface KeyRow {
  readonly id: string
  readonly tenant_id: string
  readonly kid: string
  readonly alg: string
  readonly state: KeyState
  readonly state_since: Date
  readonly created_at: Date
}

const columns = sql`id, tenant_id, kid, alg, state, state_since, created_at`

/** A tenant's keys that are not retired; alg: only those of one algorithm. */
export async function liveKeys(db: Db, table: KeyTable, tenantId: string, alg?: string): Promise<KeyRow[]> {
  const { rows } = await sql<KeyRow>`
    select ${columns} from ${sql.table(table)}
     where tenant_id = ${tenantId} and state <> 'retired' and (${alg ?? null}::text is null or alg = ${alg ?? null})
     order by id`.execute(db)
  return rows
}

/** A tenant's key by its kid, also a retired one. */
export async function findKey(db: Db, table: KeyTable, tenantId: string, kid: string): Promise<KeyRow | undefined> {
  const { rows } = await sql<KeyRow>`
    select ${columns} from ${sql.table(table)} where tenant_id = ${tenantId} and kid = ${kid}`.execute(db)
  return rows[0]
}

/** A page of a tenant's keys of all tables, retired ones included; `table` says which. */
export async function listKeys(db: Db, tenantId: string, page: Page): Promise<(KeyRow & { readonly table: KeyTable })[]> {
  const parts = keyTables.map(
    table => sql`select ${sql.lit(table)} as "table", ${columns} from ${sql.table(table)} where tenant_id = ${tenantId}`,
  )
  const { rows } = await sql<KeyRow & { table: KeyTable }>`
    select * from (${sql.join(parts, sql` union all `)}) k
     where ${page.afterId ?? null}::uuid is null or id > ${page.afterId ?? null}
     order by id limit ${page.limit}`.execute(db)
  return rows
}

/** Later than this moment, and never earlier than the database's own clock: a step's time must not lie before its commit. */
const moment = (nowMs: number): RawBuilder<Date> => sql<Date>`greatest(to_timestamp(${nowMs / 1000}), clock_timestamp())`

/** One step of one key. False when it is not in the state `from` any more. The database refuses a step that is not legal. */
export async function stepKey(
  trx: Trx,
  table: KeyTable,
  key: { readonly id: string; readonly from: KeyState; readonly to: KeyState },
  nowMs: number,
): Promise<boolean> {
  const result = await sql`
    update ${sql.table(table)} set state = ${key.to}, state_since = ${moment(nowMs)}
     where id = ${key.id} and state = ${key.from}`.execute(trx)
  return result.numAffectedRows === 1n
}

/** Lengths of a rotation's stages in seconds (`core/keys/rotation/times.ts`). */
export interface DueTimes {
  readonly lifeSeconds: number
  readonly aheadSeconds: number
  readonly retiringSeconds: number
}

export interface DueStep {
  readonly tenantId: string
  readonly alg: string
  readonly step: 'publish' | 'activate' | 'retire'
}

/** What is to be done now in all tenants, the longest overdue first, at most `limit`. */
export async function findDueSteps(
  db: Executor,
  table: KeyTable,
  times: DueTimes,
  nowMs: number,
  limit: number,
): Promise<DueStep[]> {
  const since = (seconds: number) => sql`to_timestamp(${nowMs / 1000 - seconds})`
  const { rows } = await sql<DueStep>`
    select tenant_id as "tenantId", alg, step from across.due_key_steps(${table}, ${since(times.lifeSeconds - times.aheadSeconds)},
      ${since(times.aheadSeconds)}, ${since(times.retiringSeconds)}, ${limit})`.execute(db)
  return rows
}

/**
 * The transaction ends by itself when whoever runs it stands still (a stopped process, a lost machine), and then changes
 * nothing. It bounds how far a step's time can lie before its commit, which the margin of the times rests on.
 */
export async function limitIdleTime(trx: Trx): Promise<void> {
  await sql`set local idle_in_transaction_session_timeout = '10s'`.execute(trx)
}

import type { Sql } from 'postgres'
import { arrayText } from '../array-text.ts'

/** That an account changed, and what those who act on it must know. It stays until they have done so. */
export interface OutboxRow {
  /** Text: it may be larger than a number holds. */
  readonly id: string
  readonly tenantId: string
  readonly accountId: string
  readonly transition: string
  /** Of the account, after the change. */
  readonly generation: number
  readonly payload: unknown
  /** When the account changed, by the database's clock, milliseconds since the epoch. */
  readonly atMs: number
  /** This one included. */
  readonly attempts: number
}

/** Takes rows that are due for so many seconds; who is not done by then shares them with whoever takes them next. */
export async function leaseOutbox(sql: Sql, limit: number, leaseSeconds: number): Promise<OutboxRow[]> {
  return sql<OutboxRow[]>`
    select id::text as id, tenant_id as "tenantId", account_id as "accountId", transition, generation, payload, at_ms as "atMs", attempts
      from across.lease_outbox(${limit}::integer, ${leaseSeconds}::float8)`
}

export async function finishOutbox(sql: Sql, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await sql`select across.finish_outbox(${arrayText(ids)}::text::bigint[])`
}

export interface PostponedRow {
  readonly id: string
  /** From now. */
  readonly seconds: number
  /** Whether somebody should look at it. */
  readonly parked: boolean
}

export async function postponeOutbox(sql: Sql, rows: readonly PostponedRow[]): Promise<void> {
  if (rows.length > 0) await sql`select across.postpone_outbox(${JSON.stringify(rows)}::text::jsonb)`
}

/** Parked rows whose time has come are tried again; returns how many. */
export async function retryParkedOutbox(sql: Sql): Promise<number> {
  const [row] = await sql<[{ count: number }]>`select across.retry_parked_outbox() as count`
  return row.count
}

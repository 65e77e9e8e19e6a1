// What the worker asks of all tenants at once (`across` in migration 0015).

import type { Sql } from 'postgres'
import { arrayText } from '../array-text.ts'

/** An attachment that is ours to see to, for as long as it was lent. */
export interface LeasedAttachment {
  readonly id: string
  readonly tenantId: string
  readonly accountId: string
  readonly agentId: string
  readonly connectorId: string
  readonly state: 'locking' | 'ending' | 'kept'
  readonly generation: number
  readonly rotation: number
  /** This one included. */
  readonly attempts: number
  readonly endedBy: string | null
}

/** How much is lent at once: of a tenant at most `each`, with what it has under way. */
export interface LeaseTerms {
  readonly limit: number
  readonly each: number
  readonly leaseSeconds: number
  /** A tenant as often as it has something under way. */
  readonly busy: readonly string[]
}

export async function leaseAttachments(sql: Sql, { limit, each, leaseSeconds, busy }: LeaseTerms): Promise<LeasedAttachment[]> {
  return sql<LeasedAttachment[]>`
    select id, tenant_id as "tenantId", account_id as "accountId", agent_id as "agentId", connector_id as "connectorId", state,
           generation, rotation, attempts, ended_by as "endedBy"
      from across.lease_attachments(${limit}::integer, ${each}::integer, ${leaseSeconds}::float8, ${arrayText(busy)}::text::uuid[])`
}

/** An attachment whose new deadline is ours to tell outside, for as long as it was lent. */
export interface LeasedExtension
  extends Pick<LeasedAttachment, 'id' | 'tenantId' | 'accountId' | 'agentId' | 'connectorId' | 'rotation'> {
  /** Stands for this lease. */
  readonly due: string
}

export async function leaseExtensions(sql: Sql, { limit, each, leaseSeconds, busy }: LeaseTerms): Promise<LeasedExtension[]> {
  return sql<LeasedExtension[]>`
    select id, tenant_id as "tenantId", account_id as "accountId", agent_id as "agentId", connector_id as "connectorId", rotation, due
      from across.lease_extensions(${limit}::integer, ${each}::integer, ${leaseSeconds}::float8, ${arrayText(busy)}::text::uuid[])`
}

export async function readAttachedAmong(sql: Sql, accountIds: readonly string[]): Promise<Set<string>> {
  const [row] = await sql<[{ ids: string[] }]>`
    select to_jsonb(across.attached_among(${arrayText(accountIds)}::text::uuid[])) as ids`
  return new Set(row.ids)
}

export interface OutsideBacklog {
  readonly due: number
  readonly parked: number
  readonly kept: number
  readonly messages: number
  readonly parkedMessages: number
}

export async function readOutsideBacklog(sql: Sql): Promise<OutsideBacklog> {
  const [row] = await sql<[OutsideBacklog]>`
    select due::int as due, parked::int as parked, kept::int as kept, messages::int as messages, parked_messages::int as "parkedMessages"
      from across.attachment_backlog()`
  return row
}

/** Forgets what was settled so long ago, in batches; returns how many rows went. */
export async function dropSettled(sql: Sql, attachmentSeconds: number, messageSeconds: number): Promise<number> {
  let total = 0
  for (;;) {
    const [row] = await sql<[{ count: number }]>`
      select across.drop_settled(${attachmentSeconds}::float8, ${messageSeconds}::float8, 500) as count`
    total += row.count
    if (row.count === 0) return total
  }
}

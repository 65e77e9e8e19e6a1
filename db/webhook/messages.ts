import { type RawBuilder, sql } from 'kysely'
import type { Sql } from 'postgres'
import { arrayText } from '../array-text.ts'
import type { Db, Trx } from '../connect.ts'
import { type Page, readPage } from '../registry/page.ts'

export interface NewMessage {
  readonly tenantId: string
  /** Names what happened; each webhook hears of it once. */
  readonly event: string
  /** `account.claimed` */
  readonly type: string
  /** As it will be sent. */
  readonly body: string
}

/** One message for each of the tenant's webhooks that wants this type. Harmless to call again. */
export async function queueMessages(db: Db | Trx, { tenantId, event, type, body }: NewMessage): Promise<void> {
  await sql`
    insert into mayfly.webhook_message (id, tenant_id, webhook_id, event, type, body)
      select gen_random_uuid(), w.tenant_id, w.id, ${event}, ${type}, ${body} from mayfly.webhook w
       where w.tenant_id = ${tenantId} and w.config->'events' ? ${type}
      on conflict (webhook_id, event) do nothing`.execute(db)
}

export interface LeasedMessage {
  readonly id: string
  readonly tenantId: string
  readonly webhookId: string
  readonly type: string
  readonly body: string
  /** This one included. */
  readonly attempts: number
}

/** At most `each` for a webhook; none for those that are busy. */
export async function leaseMessages(
  sqlOf: Sql,
  options: { readonly limit: number; readonly each: number; readonly leaseSeconds: number; readonly busy: readonly string[] },
): Promise<LeasedMessage[]> {
  const { limit, each, leaseSeconds, busy } = options
  return sqlOf<LeasedMessage[]>`
    select id, tenant_id as "tenantId", webhook_id as "webhookId", type, body, attempts
      from across.lease_messages(${limit}::integer, ${each}::integer, ${leaseSeconds}::float8, ${arrayText(busy)}::text::uuid[])`
}

export async function readTenantsWithWebhooks(sqlOf: Sql, tenantIds: readonly string[]): Promise<Set<string>> {
  const [row] = await sqlOf<[{ ids: string[] }]>`
    select to_jsonb(across.tenants_with_webhooks(${arrayText(tenantIds)}::text::uuid[])) as ids`
  return new Set(row.ids)
}

const inSeconds = (seconds: number): RawBuilder<Date> => sql<Date>`clock_timestamp() + make_interval(secs => ${seconds})`

/** status: what the receiver answered. */
export async function settleDelivered(db: Db, { id, webhookId }: LeasedMessage, status: number): Promise<void> {
  await db.transaction().execute(async trx => {
    await trx
      .updateTable('mayfly.webhook_message')
      .set({ state: 'delivered', status, failure: null, settled_at: sql<Date>`clock_timestamp()` })
      .where('id', '=', id)
      .where('state', '=', 'waiting')
      .execute()
    await trx
      .updateTable('mayfly.webhook')
      .set({ failures: 0, hold_until: sql<Date>`'-infinity'` })
      .where('id', '=', webhookId)
      .where('failures', '>', 0)
      .execute()
  })
}

export interface FailedDelivery {
  /** Null: there was no answer. */
  readonly status: number | null
  readonly failure: string
  /** When it is tried again. */
  readonly seconds: number
  readonly parked: boolean
  /** For how long nothing at all is sent to this webhook. */
  readonly holdSeconds: number
}

export async function settleFailed(db: Db, message: LeasedMessage, failed: FailedDelivery): Promise<void> {
  const { status, failure, seconds, parked, holdSeconds } = failed
  await db.transaction().execute(async trx => {
    await trx
      .updateTable('mayfly.webhook_message')
      .set({ state: parked ? 'parked' : 'waiting', status, failure, due_at: inSeconds(seconds) })
      .where('id', '=', message.id)
      .where('state', '=', 'waiting')
      .execute()
    await sql`update mayfly.webhook set failures = failures + 1, hold_until = ${inSeconds(holdSeconds)} where id = ${message.webhookId}`.execute(
      trx,
    )
  })
}

export interface MessageRow {
  readonly id: string
  readonly type: string
  readonly state: string
  readonly attempts: number
  readonly status: number | null
  readonly failure: string | null
  readonly due_at: Date
  readonly created_at: Date
  readonly settled_at: Date | null
}

/** Newest last, by id. */
export function listMessages(db: Db, tenantId: string, webhookId: string, page: Page): Promise<MessageRow[]> {
  const query = db
    .selectFrom('mayfly.webhook_message')
    .select(['id', 'type', 'state', 'attempts', 'status', 'failure', 'due_at', 'created_at', 'settled_at'])
    .where('tenant_id', '=', tenantId)
    .where('webhook_id', '=', webhookId)
  return readPage(query, page)
}

/** Sends it again, whatever became of it. False: there is none. */
export async function redeliver(trx: Trx, tenantId: string, webhookId: string, id: string): Promise<boolean> {
  const result = await trx
    .updateTable('mayfly.webhook_message')
    .set({ state: 'waiting', attempts: 0, due_at: inSeconds(0), settled_at: null })
    .where('tenant_id', '=', tenantId)
    .where('webhook_id', '=', webhookId)
    .where('id', '=', id)
    .executeTakeFirst()
  if (result.numUpdatedRows === 0n) return false
  await trx
    .updateTable('mayfly.webhook')
    .set({ hold_until: sql<Date>`'-infinity'` })
    .where('id', '=', webhookId)
    .where('tenant_id', '=', tenantId)
    .execute()
  return true
}

import { sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'
import { type Page, readPage } from '../registry/page.ts'

export interface WebhookRow {
  readonly id: string
  readonly tenant_id: string
  readonly name: string
  readonly config: unknown
  readonly public_key: string | null
  readonly failures: number
  readonly created_at: Date
  readonly updated_at: Date
}

export interface SealedWebhook extends WebhookRow {
  readonly secret_sealed: Buffer
  readonly kek_id: string
}

const shown = ['id', 'tenant_id', 'name', 'config', 'public_key', 'failures', 'created_at', 'updated_at'] as const
const all = [...shown, 'secret_sealed', 'kek_id'] as const

export function insertWebhook(
  trx: Trx,
  row: Pick<SealedWebhook, 'id' | 'tenant_id' | 'name' | 'config' | 'public_key' | 'secret_sealed' | 'kek_id'>,
): Promise<WebhookRow> {
  return trx.insertInto('mayfly.webhook').values(row).returning(shown).executeTakeFirstOrThrow()
}

/** What failed before is tried again at once. */
export function updateWebhook(
  trx: Trx,
  id: string,
  tenantId: string,
  values: Pick<WebhookRow, 'name' | 'config'>,
): Promise<WebhookRow | undefined> {
  return trx
    .updateTable('mayfly.webhook')
    .set({ ...values, failures: 0, hold_until: sql<Date>`'-infinity'`, updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .returning(shown)
    .executeTakeFirst()
}

/** Its messages go with it. */
export async function deleteWebhook(trx: Trx, id: string, tenantId: string): Promise<boolean> {
  const result = await trx.deleteFrom('mayfly.webhook').where('id', '=', id).where('tenant_id', '=', tenantId).executeTakeFirst()
  return result.numDeletedRows > 0n
}

export function findWebhook(db: Db, id: string, tenantId: string): Promise<WebhookRow | undefined> {
  return db.selectFrom('mayfly.webhook').select(shown).where('id', '=', id).where('tenant_id', '=', tenantId).executeTakeFirst()
}

export function readWebhook(db: Db, id: string, tenantId: string): Promise<SealedWebhook | undefined> {
  return db.selectFrom('mayfly.webhook').select(all).where('id', '=', id).where('tenant_id', '=', tenantId).executeTakeFirst()
}

export function listWebhooks(db: Db, tenantId: string, page: Page): Promise<WebhookRow[]> {
  const query = db.selectFrom('mayfly.webhook').select(shown).where('tenant_id', '=', tenantId)
  return readPage(query, page)
}

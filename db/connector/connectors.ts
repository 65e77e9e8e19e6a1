import { sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'
import { type Page, readPage } from '../registry/page.ts'

export interface ConnectorRow {
  readonly id: string
  readonly tenant_id: string
  readonly name: string
  readonly kind: string
  readonly config: unknown
  readonly created_at: Date
  readonly updated_at: Date
}

export interface SealedConnector extends ConnectorRow {
  readonly admin_sealed: Buffer
  readonly kek_id: string
}

export type ConnectorValues = Pick<SealedConnector, 'name' | 'config'> & Partial<Pick<SealedConnector, 'admin_sealed' | 'kek_id'>>

const shown = ['id', 'tenant_id', 'name', 'kind', 'config', 'created_at', 'updated_at'] as const
const all = [...shown, 'admin_sealed', 'kek_id'] as const

/** `kind` too cannot change afterwards. */
export function insertConnector(
  trx: Trx,
  row: Pick<SealedConnector, 'id' | 'tenant_id' | 'name' | 'kind' | 'config' | 'admin_sealed' | 'kek_id'>,
): Promise<ConnectorRow> {
  return trx.insertInto('mayfly.connector').values(row).returning(shown).executeTakeFirstOrThrow()
}

export function updateConnector(
  trx: Trx,
  id: string,
  tenantId: string,
  values: ConnectorValues,
): Promise<ConnectorRow | undefined> {
  return trx
    .updateTable('mayfly.connector')
    .set({ ...values, updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .returning(shown)
    .executeTakeFirst()
}

export async function deleteConnector(trx: Trx, id: string, tenantId: string): Promise<boolean> {
  const result = await trx
    .deleteFrom('mayfly.connector')
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** Nobody attaches anything by it until the transaction ends. */
export function lockConnector(trx: Trx, id: string, tenantId: string): Promise<SealedConnector | undefined> {
  return trx
    .selectFrom('mayfly.connector')
    .select(all)
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .forUpdate()
    .executeTakeFirst()
}

/** It stays as it is until the transaction ends. */
export function holdConnector(trx: Trx, id: string, tenantId: string): Promise<SealedConnector | undefined> {
  return trx
    .selectFrom('mayfly.connector')
    .select(all)
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .forShare()
    .executeTakeFirst()
}

export function readConnector(db: Db, id: string, tenantId: string): Promise<SealedConnector | undefined> {
  return db.selectFrom('mayfly.connector').select(all).where('id', '=', id).where('tenant_id', '=', tenantId).executeTakeFirst()
}

export function findConnector(db: Db, id: string, tenantId: string): Promise<ConnectorRow | undefined> {
  return db.selectFrom('mayfly.connector').select(shown).where('id', '=', id).where('tenant_id', '=', tenantId).executeTakeFirst()
}

export function listConnectors(db: Db, tenantId: string, page: Page): Promise<ConnectorRow[]> {
  const query = db.selectFrom('mayfly.connector').select(shown).where('tenant_id', '=', tenantId)
  return readPage(query, page)
}

/** Whether anything that was made by it is still there. */
export async function isConnectorUsed(trx: Trx, id: string): Promise<boolean> {
  const { rows } = await sql<{ used: boolean }>`
    select exists (select from mayfly.attachment where connector_id = ${id} and state <> 'gone') as used`.execute(trx)
  return rows[0]!.used
}

/** The connectors of these ids, without what they sign in with. */
export async function findConnectorNames(
  db: Db,
  tenantId: string,
  ids: readonly string[],
): Promise<Map<string, Pick<ConnectorRow, 'name' | 'kind'>>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom('mayfly.connector')
    .select(['id', 'name', 'kind'])
    .where('tenant_id', '=', tenantId)
    .where('id', 'in', [...ids])
    .execute()
  return new Map(rows.map(row => [row.id, row]))
}

export function findConnectorByName(db: Db, name: string, tenantId: string): Promise<ConnectorRow | undefined> {
  return db
    .selectFrom('mayfly.connector')
    .select(shown)
    .where('name', '=', name)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
}

import { sql } from 'kysely'
import { arrayText } from '../array-text.ts'
import type { Db, Trx } from '../connect.ts'
import { type Page, readPage } from '../registry/page.ts'
import type { Executor } from '../unscoped-db.ts'

/** A join token, and who came by it. */
export interface JoinTokenRow {
  readonly id: string
  readonly tenant_id: string
  readonly agent_id: string
  readonly note: string | null
  readonly created_at: Date
  readonly expires_at: Date
  readonly used_at: Date | null
  /** Of the instance that used it; null: nobody, or its last certificate ended long ago. */
  readonly instance: string | null
  readonly renewed_at: Date | null
  readonly not_after: Date | null
}

export interface NewJoinToken {
  readonly id: string
  readonly tenant_id: string
  readonly agent_id: string
  readonly note: string | null
  readonly secret_hash: Buffer
  readonly expires_at: Date
}

const selectTokens = (db: Db) =>
  db
    .selectFrom('mayfly.join_token as j')
    .leftJoin('mayfly.enrolment as e', 'e.join_token_id', 'j.id')
    .select([
      'j.id',
      'j.tenant_id',
      'j.agent_id',
      'j.note',
      'j.created_at',
      'j.expires_at',
      'j.used_at',
      'e.instance',
      'e.renewed_at',
      'e.not_after',
    ])

export async function insertJoinToken(trx: Trx, row: NewJoinToken): Promise<void> {
  await trx.insertInto('mayfly.join_token').values(row).execute()
}

export function findJoinToken(db: Db, id: string, agentId: string, tenantId: string): Promise<JoinTokenRow | undefined> {
  return selectTokens(db)
    .where('j.id', '=', id)
    .where('j.agent_id', '=', agentId)
    .where('j.tenant_id', '=', tenantId)
    .executeTakeFirst()
}

export function listJoinTokens(db: Db, agentId: string, tenantId: string, page: Page): Promise<JoinTokenRow[]> {
  const query = selectTokens(db).where('j.agent_id', '=', agentId).where('j.tenant_id', '=', tenantId)
  return readPage(query, page, 'j.id')
}

/** Who came by it can renew no more. Undefined: there is none. */
export async function deleteJoinToken(
  trx: Trx,
  id: string,
  agentId: string,
  tenantId: string,
): Promise<{ used: boolean } | undefined> {
  const row = await trx
    .deleteFrom('mayfly.join_token')
    .where('id', '=', id)
    .where('agent_id', '=', agentId)
    .where('tenant_id', '=', tenantId)
    .returning('used_at')
    .executeTakeFirst()
  return row && { used: row.used_at !== null }
}

export interface PresentedJoinToken {
  readonly id: string
  readonly tenantId: string
  readonly agentId: string
  readonly state: 'fresh' | 'used' | 'expired'
}

/** Tokens by hex of their hash, in whatever state, of whichever tenant; of those there are. */
export async function findPresentedJoinTokens(db: Executor, hashes: readonly string[]): Promise<Map<string, PresentedJoinToken>> {
  const { rows } = await sql<PresentedJoinToken & { hash: Buffer }>`
    select id, tenant_id as "tenantId", agent_id as "agentId", state, secret_hash as hash
      from across.find_join_tokens(${arrayText(hashes)}::text::text[])`.execute(db)
  return new Map(rows.map(({ hash, ...token }) => [hash.toString('hex'), token]))
}

/** Uses it up, by the database's clock. Of several at once exactly one is told true. */
export async function useJoinToken(trx: Trx, id: string): Promise<boolean> {
  const row = await trx
    .updateTable('mayfly.join_token')
    .set({ used_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .where('expires_at', '>', sql<Date>`clock_timestamp()`)
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

/** It may be used again, if it has not expired. */
export async function releaseJoinToken(trx: Trx, id: string): Promise<void> {
  await trx.updateTable('mayfly.join_token').set({ used_at: null }).where('id', '=', id).execute()
}

import { sql } from 'kysely'
import type { Trx } from '../connect.ts'

/** What takes tokens of this issuer for this audience. */
export type AudienceUse = 'trust_source' | 'sign_in_provider'

/**
 * Whether the other kind takes tokens of this issuer for this audience, in any tenant. What asks for it holds the pair until its
 * transaction ends, so that two changes at once cannot both find it free.
 */
export async function isAudienceUsed(trx: Trx, by: AudienceUse, issuer: string, audience: string): Promise<boolean> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${JSON.stringify([issuer, audience])}, 0))`.execute(trx)
  const { rows } = await sql<{ used: boolean }>`select across.audience_in_use(${by}, ${issuer}, ${audience}) as used`.execute(trx)
  return rows[0]!.used
}

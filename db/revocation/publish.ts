import { sql } from 'kysely'
import type { Trx } from '../connect.ts'

/** What is revoked together with the rest of a transaction (`core/revocation/entry.ts` says what the kinds mean). */
export interface PublishedRevocation {
  /** uuid; several rows may have one. */
  readonly id: string
  readonly tenantId: string
  readonly kind: 'a' | 'x' | 'j' | 'c' | 'k' | 't'
  /** What the tokens' claim says. */
  readonly subject: string
  /** Least generation or config epoch that is still good. null, of `c` and `t`: the config epoch that this transaction leaves. */
  readonly least: number | null
  /**
   * When the last token that it could be about has ended, seconds since the epoch; left out: whenever the tenant's last one has. Of a
   * key: when no verifier knows it any more, however late that is.
   */
  readonly untilSeconds?: number | undefined
  readonly cause: 'token' | 'agent' | 'trust_source' | 'key' | 'tenant'
  /** Who did it: random ids and words of ours. */
  readonly by: object
}

/**
 * Puts entries into the tenant's feed with the transaction's own commit: the database numbers them after all other work of the
 * transaction, with the log's head held, and tells who listens. trx: of the tenant.
 */
export async function publishRevocations(trx: Trx, revocations: readonly PublishedRevocation[]): Promise<void> {
  if (revocations.length === 0) return
  const rows = revocations.map((revocation, n) => ({ ...revocation, n }))
  await sql`insert into log.pending_revocation (tenant_id, id, kind, subject, least, until, cause, actor)
    select r."tenantId", r.id, r.kind, r.subject, r.least, to_timestamp(r."untilSeconds"), r.cause, r.by
      from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) r(n int, "tenantId" uuid, id uuid, kind text, subject text, least bigint,
        "untilSeconds" float8, cause text, by jsonb) order by r.n`.execute(trx)
}

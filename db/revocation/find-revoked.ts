import { sql } from 'kysely'
import type { Db } from '../connect.ts'

/** What of a token the feed may be about, as its claims say it. */
export interface RevocableToken {
  readonly issuer: string
  readonly kid: string
  readonly tokenId: string
  readonly accountId: string
  /** `sub`, the root account. */
  readonly rootId: string
  readonly transaction: string
  readonly generation: number
  readonly configEpoch: number
  /** `client_id`, and each `sub` of the `act` chain. */
  readonly agents: readonly string[]
}

/** Whether an entry of the tenant's feed refuses the token (`core/revocation/entry.ts`). One statement. db: of the tenant. */
export async function isRevoked(db: Db, tenantId: string, token: RevocableToken): Promise<boolean> {
  const { issuer, kid, tokenId, accountId, rootId, transaction, generation, configEpoch, agents } = token
  const { rows } = await sql<{ revoked: boolean }>`
    select exists (
      select from jsonb_to_recordset(${JSON.stringify([
        { kind: 't', text: issuer },
        { kind: 'k', text: kid },
        { kind: 'j', text: tokenId },
        { kind: 'a', text: accountId },
        { kind: 'x', text: transaction },
        ...agents.map(text => ({ kind: 'c', text })),
      ])}::text::jsonb) k(kind text, text text)
      join mayfly.revocation r on r.tenant_id = ${tenantId} and r.kind = k.kind and r.match = log.match_of(k.text)
     where case r.kind when 'a' then ${generation} < r.least
             when 'x' then ${accountId !== rootId} or ${generation} < r.least
             when 'c' then ${configEpoch} < r.least when 't' then ${configEpoch} < r.least
             else true end) as revoked`.execute(db)
  return rows[0]?.revoked ?? true
}

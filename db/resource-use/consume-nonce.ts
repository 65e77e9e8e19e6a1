import type { Sql } from 'postgres'

export interface NonceUse {
  readonly tenantId: string
  /** The token's `jti`. */
  readonly tokenId: string
  readonly resourceId: string
  /** SHA-256 of the nonce. */
  readonly nonceHash: Buffer
  /** Until when it must be remembered; seconds since the epoch. */
  readonly expiresSeconds: number
  readonly leaf: string
  readonly body: string
}

export type NonceOutcome = 'first' | 'used' | 'revoked'

/** The first use of a nonce at a resource stands in the log; of a token that was revoked there is none. One round trip. */
export async function consumeNonce(sql: Sql, use: NonceUse): Promise<NonceOutcome> {
  const [row] = await sql<[{ revoked: boolean; first: number }]>`
    with token as materialized (
      select across.token_revoked(${use.tenantId}::uuid, ${use.tokenId}::text) as revoked
    ), used as (
      insert into mayfly.consumed_nonce (resource_id, nonce_hash, expires_at)
        select ${use.resourceId}::uuid, ${use.nonceHash}::bytea, to_timestamp(${use.expiresSeconds}::float8) from token where not revoked
        on conflict do nothing returning 1
    ), logged as (
      insert into log.pending (tenant_id, leaf, body)
        select ${use.tenantId}::uuid, ${use.leaf}::text, ${use.body}::text from used returning 1
    )
    select token.revoked, (select count(*)::int from logged) as first from token`
  if (row.revoked) return 'revoked'
  return row.first === 1 ? 'first' : 'used'
}

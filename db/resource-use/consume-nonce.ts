import type { Sql } from 'postgres'

export interface NonceUse {
  readonly tenantId: string
  readonly resourceId: string
  /** SHA-256 of the nonce. */
  readonly nonceHash: Buffer
  /** Until when it must be remembered; seconds since the epoch. */
  readonly expiresSeconds: number
  readonly leaf: string
  readonly body: string
}

/** True for the first use of a nonce at a resource, with its event in the log; false for every later one. One round trip. */
export async function consumeNonce(sql: Sql, use: NonceUse): Promise<boolean> {
  const rows = await sql`
    with used as (
      insert into mayfly.consumed_nonce (resource_id, nonce_hash, expires_at)
        values (${use.resourceId}, ${use.nonceHash}, to_timestamp(${use.expiresSeconds}))
        on conflict do nothing returning 1
    )
    insert into log.pending (tenant_id, leaf, body)
      select ${use.tenantId}::uuid, ${use.leaf}, ${use.body} from used returning 1`
  return rows.length === 1
}

import type { Sql } from 'postgres'

/** Sorts of proof that are good for one use. */
export type ReplayKind = 'client_assertion' | 'did_proof' | 'dpop' | 'id_jag'

export interface ReplayUse {
  /** uuid */
  readonly tenantId: string
  readonly kind: ReplayKind
  /** Hex of SHA-256 over what must not come twice. */
  readonly hash: string
  /** Until when it must be remembered: not before the proof itself would be refused. Seconds since the epoch. */
  readonly expiresSeconds: number
}

const nameOf = ({ tenantId, kind, hash }: ReplayUse): string => `${tenantId} ${kind} ${hash}`

/**
 * Uses up each of them, durably, in one round trip: true for those that nobody used before. Of equal ones in one call the
 * first alone is true. Written in the order of the key, so that two calls that hold the same uses never wait for each other.
 */
export async function consumeReplays(sql: Sql, uses: readonly ReplayUse[]): Promise<boolean[]> {
  const list = (items: readonly (string | number)[]): string => `{${items.join(',')}}`
  const rows = await sql<ReplayUse[]>`
    insert into mayfly.replay (tenant_id, kind, hash, expires_at)
    select u.tenant, u.kind, decode(u.hash, 'hex'), to_timestamp(u.expires)
      from unnest(${list(uses.map(use => use.tenantId))}::text::uuid[], ${list(uses.map(use => use.kind))}::text::text[],
                  ${list(uses.map(use => use.hash))}::text::text[], ${list(uses.map(use => use.expiresSeconds))}::text::float8[])
           u(tenant, kind, hash, expires)
     order by u.tenant, u.kind, u.hash
        on conflict do nothing
    returning tenant_id as "tenantId", kind, encode(hash, 'hex') as hash`
  const written = new Set(rows.map(nameOf))
  return uses.map(use => written.delete(nameOf(use)))
}

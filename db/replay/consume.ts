import type { Sql } from 'postgres'
import { arrayText } from '../array-text.ts'

/** Sorts of proof that are good for one use. */
export type ReplayKind = 'anonymous_work' | 'client_assertion' | 'did_proof' | 'dpop' | 'id_jag'

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
  const rows = await sql<ReplayUse[]>`
    select tenant_id as "tenantId", kind, hash
      from across.consume_replays(${arrayText(uses.map(use => use.tenantId))}::text::uuid[], ${arrayText(uses.map(use => use.kind))}::text::text[],
             ${arrayText(uses.map(use => use.hash))}::text::text[], ${arrayText(uses.map(use => use.expiresSeconds))}::text::float8[])`
  const written = new Set(rows.map(nameOf))
  return uses.map(use => written.delete(nameOf(use)))
}

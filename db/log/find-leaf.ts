import { type RawBuilder, sql } from 'kysely'
import type { Executor } from '#db/unscoped-db.ts'

/** A leaf by its own id (uuid), or the one of a token's issuance by its `jti`. */
export type LeafName = { readonly id: string } | { readonly token: string }

/** How far a leaf's place may be from its time: mostly as long as a commit takes; at last as long as any request takes, and more. */
const withinMs = [2_000, 20_000] as const

/** Position of a leaf; undefined where there is none. tenantId: whose it has to be; null: anybody's. atMs: the time that the id begins with. */
export async function findLeaf(db: Executor, tenantId: string | null, name: LeafName, atMs: number): Promise<number | undefined> {
  const [id, token] = 'id' in name ? [name.id, null] : [null, name.token]
  for (const ms of withinMs) {
    const query: RawBuilder<{ position: string }> = sql`
      select position from across.find_leaf(${tenantId}::uuid, ${id}::uuid, ${token}::text, ${atMs}::float8, ${ms}::float8)`
    const { rows } = await query.execute(db)
    if (rows[0]) return Number(rows[0].position)
  }
  return undefined
}

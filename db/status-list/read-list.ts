import { sql } from 'kysely'
import type { Db } from '../connect.ts'

/** The places of revoked tokens among those that have not ended, in order; undefined: no token is in such a list. db: of the tenant. */
export async function readRevokedPlaces(db: Db, tenantId: string, list: string): Promise<number[] | undefined> {
  const { rows } = await sql<{ places: number[] | null }>`
    select mayfly.revoked_places(${tenantId}, ${list}) as places`.execute(db)
  return rows[0]?.places ?? undefined
}

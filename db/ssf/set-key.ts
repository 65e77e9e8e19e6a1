import { sql } from 'kysely'
import type { Db } from '../connect.ts'

export interface SetKeyRow {
  readonly id: string
  readonly kid: string
  readonly publicJwk: unknown
  readonly privateSealed: Buffer
  readonly kekId: string
}

/** The RSA key with which the tenant signs now; undefined: it has none. */
export async function findSetKey(db: Db, tenantId: string): Promise<SetKeyRow | undefined> {
  const { rows } = await sql<SetKeyRow>`
    select id, kid, public_jwk as "publicJwk", private_sealed as "privateSealed", kek_id as "kekId" from mayfly.signing_key
     where tenant_id = ${tenantId} and alg = 'RS256' and state = 'active' order by id limit 1`.execute(db)
  return rows[0]
}

import { sql } from 'kysely'
import type { Db } from '../connect.ts'

export interface AccountNow {
  readonly state: string
  readonly generation: number
  /** Seconds since the epoch; Infinity: none. */
  readonly deadlineSeconds: number
  readonly ceilingId: string
}

/** How an account stands; undefined: it is gone. db: of its tenant. */
export async function readAccountNow(db: Db, tenantId: string, accountId: string): Promise<AccountNow | undefined> {
  const { rows } = await sql<AccountNow>`
    select state::text as state, generation, extract(epoch from deadline)::float8 as "deadlineSeconds", ceiling_id::text as "ceilingId"
      from mayfly.account where id = ${accountId} and tenant_id = ${tenantId}`.execute(db)
  return rows[0]
}

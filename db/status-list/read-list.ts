// What a status list says. Nothing keeps a bit for a token: whether one is revoked follows from the tenant's feed, as it does at every
// guard (`core/revocation/entry.ts`), so no revocation has to find the lists that it concerns.

import { sql } from 'kysely'
import type { Db } from '../connect.ts'

/** The places of revoked tokens among those that have not ended, in order; undefined: no token is in such a list. db: of the tenant. */
export async function readRevokedPlaces(db: Db, tenantId: string, list: string): Promise<number[] | undefined> {
  const { rows } = await sql<{ known: boolean; revoked: number[] }>`
    with entry as materialized (
      select r.kind, r.subject, r.least, case when r.subject ~ '^[a-z]+_[0-9a-f]{32}$' then right(r.subject, 32)::uuid end as named
        from mayfly.revocation r where r.tenant_id = ${tenantId}::uuid and r.until > now()
    ), token as materialized (
      select s.* from mayfly.token_status s where s.list = ${list}::uuid and s.tenant_id = ${tenantId}::uuid and s.until > now()
    ), revoked as (
      select t.idx from entry e join token t on t.account_id = e.named
       where e.kind = 'a' and (t.generation < e.least) is not false
      union
      select t.idx from entry e join token t on t.root_id = e.named
       where e.kind = 'x' and (t.account_id <> t.root_id or t.generation < e.least) is not false
      union
      select t.idx from entry e join token t on t.token_id = e.named where e.kind = 'j'
      union
      select t.idx from (select t.idx, t.config_epoch, unnest(t.agents) as agent from token t) t join entry e on t.agent = e.named
       where e.kind = 'c' and (t.config_epoch < e.least) is not false
      union
      select t.idx from entry e join token t on t.kid = e.subject where e.kind = 'k'
      union
      select t.idx from token t, (select max(coalesce(e.least, 9223372036854775807)) as least from entry e where e.kind = 't') e
       where t.config_epoch < e.least
    )
    select exists (select from mayfly.token_status s where s.list = ${list}::uuid and s.tenant_id = ${tenantId}::uuid) as known,
           coalesce((select array_agg(r.idx order by r.idx) from revoked r), '{}') as revoked`.execute(db)
  const [row] = rows
  return row?.known ? row.revoked : undefined
}

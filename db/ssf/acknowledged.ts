import { sql } from 'kysely'
import type { Db } from '../connect.ts'

export interface StreamStanding {
  readonly streamId: string
  readonly receiverId: string
  readonly receiverName: string
  /** When its receiver had taken everything up to the epoch; null: it has not. */
  readonly at: Date | null
  /** When it last took anything. */
  readonly takenAt: Date | null
  readonly status: 'enabled' | 'paused'
}

/** How the tenant's streams stand to an epoch of its feed; those that are switched off are not waited for. db: of the tenant. */
export async function readStreamStandings(db: Db, tenantId: string, epoch: number): Promise<StreamStanding[]> {
  const { rows } = await sql<StreamStanding>`
    select s.id as "streamId", s.receiver_id as "receiverId", c.name as "receiverName", s.status, s.taken_at as "takenAt",
           case when s.shard = f.shard and (s.cursor >= ${epoch} or exists (
               select from jsonb_array_elements(s.ahead) a where ${epoch} between (a ->> 0)::bigint and (a ->> 1)::bigint))
             then coalesce((select min(k.at) from mayfly.ssf_acknowledgement k where k.stream_id = s.id and k.epoch >= ${epoch}),
               s.taken_at, s.created_at) end as at
      from mayfly.ssf_stream s join mayfly.ssf_receiver c on c.id = s.receiver_id join mayfly.feed f on f.tenant_id = s.tenant_id
     where s.tenant_id = ${tenantId} and s.status <> 'disabled' order by s.id`.execute(db)
  return rows
}

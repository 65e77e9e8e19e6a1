import { sql as query } from 'kysely'
import type { Sql } from 'postgres'
import type { Executor } from '../unscoped-db.ts'

export interface LogSigners {
  readonly shard: string
  /** Verifier keys as c2sp.org/signed-note writes them, the newest first. */
  readonly keys: readonly string[]
  /** Signed note by which the others name the newest. */
  readonly handover: string | undefined
}

/** Keeps who signs from now on; the event goes into the log where that is a change. True: it was. */
export async function keepSigners(
  sql: Sql,
  { shard, keys, handover }: LogSigners,
  event: { readonly leaf: string; readonly body: string },
): Promise<boolean> {
  const [row] = await sql<[{ changed: boolean }]>`
    select log.keep_signers(${shard}::uuid, array(select k.key from jsonb_array_elements_text(${JSON.stringify(keys)}::text::jsonb) with ordinality k(key, n) order by k.n), ${handover ?? null}::text, ${event.leaf}::text,
      ${event.body}::text) as changed`
  return row.changed
}

/** One key of one log. */
export interface LogKey {
  readonly shard: string
  readonly verifierKey: string
  readonly since: Date
  /** When it ceased to sign; null: it signs. */
  readonly until: Date | null
  /** The note by which earlier keys named it. */
  readonly handover: string | null
}

/** Every key that ever signed, of every shard; the newest first. */
export async function listLogKeys(db: Executor): Promise<LogKey[]> {
  const { rows } = await query<LogKey>`
    select shard::text, verifier_key as "verifierKey", min(at) filter (where signs) as since,
           case when not (array_agg(signs order by at desc))[1] then max(at) end as until, max(handover) as handover
      from log.signer group by shard, verifier_key
     order by 3 desc, max(handover) is null`.execute(db)
  return rows
}

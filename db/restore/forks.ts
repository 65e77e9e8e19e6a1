// Where the log broke off and began anew (`log.fork`), and the one call that does it.

import { sql as query } from 'kysely'
import type { Sql } from 'postgres'
import { arrayText } from '../array-text.ts'
import type { Executor } from '../unscoped-db.ts'

/** The log as the database has it now. */
export interface LogHead {
  /** uuid */
  readonly shard: string
  /** How many leaves. */
  readonly size: number
}

/** A place in a log that its sealer signed. */
export interface SealedHead extends LogHead {
  /** RFC 6962 root over the leaves, standard base64. */
  readonly root: string
}

/** A log that was sealed and that the database does not know; null where nobody can verify what is said of it. */
export interface UnknownLog {
  /** uuid */
  readonly shard: string
  readonly size: number | null
  readonly root: string | null
}

export interface Fork {
  readonly id: string
  readonly at: Date
  readonly fromShard: string
  readonly toShard: string
  /** How many leaves the restored log had. */
  readonly size: number
  /** Of the last checkpoint of the earlier shard that is known; null: none is. */
  readonly sealedSize: number | null
  readonly sealedRoot: string | null
  /** Whether all that follows from it was done; nobody is served before. */
  readonly finished: boolean
}

/** Root that the database's own record of checkpoints has, base64; undefined: it has no such checkpoint. */
export async function findRecordedRoot(sql: Sql, { shard, size }: LogHead): Promise<string | undefined> {
  const [row] = await sql<{ root: string }[]>`
    select encode(c.root, 'base64') as root from log.checkpoint c where c.shard = ${shard}::uuid and c.size = ${size}::bigint
       and not exists (select from log.checkpoint_disowned d where d.shard = c.shard and d.size = c.size)`
  return row?.root
}

/** Uuids of the log as it is, of those that it broke off from, and of those that a restore has met beside it. */
export async function listKnownShards(sql: Sql): Promise<Set<string>> {
  const rows = await sql<{ shard: string }[]>`
    select shard::text from log.head union select from_shard::text from log.fork union select to_shard::text from log.fork
    union select shard::text from log.fork_unknown`
  return new Set(rows.map(({ shard }) => shard))
}

/** Verifier keys of whoever ever sealed, as c2sp.org/signed-note writes them. */
export async function listSealerKeys(sql: Sql): Promise<string[]> {
  const rows = await sql<{ key: string }[]>`
    select verifier_key as key from log.sealer union select verifier_key from log.signer`
  return rows.map(({ key }) => key)
}

/** Every fork, the last one first. */
export async function listForks(db: Executor): Promise<Fork[]> {
  const { rows } = await query<Fork>`
    select f.id, f.at, f.from_shard as "fromShard", f.to_shard as "toShard", f.size::float8 as size,
           f.sealed_size::float8 as "sealedSize", f.sealed_root as "sealedRoot", d.fork_id is not null as finished
      from log.fork f left join log.fork_finished d on d.fork_id = f.id order by f.at desc`.execute(db)
  return rows
}

export interface NewFork {
  readonly id: string
  readonly from: LogHead
  readonly toShard: string
  readonly sealed: SealedHead | undefined
  /** Logs that are known from here on, so that they are no reason to begin again. */
  readonly unknown: readonly UnknownLog[]
  /** Of every tenant. */
  readonly issuers: readonly { readonly tenant: string; readonly issuer: string }[]
  /** When no verifier can hold anything from before any more. */
  readonly until: Date
  readonly leaf: string
  readonly body: string
}

/** held: how many accounts wait now. undefined: the log or the tenants changed since they were read, and nothing was written. */
export async function beginFork(sql: Sql, fork: NewFork): Promise<{ readonly held: number } | undefined> {
  const { id, from, toShard, sealed, unknown, issuers, until, leaf, body } = fork
  const [row] = await sql<[{ outcome: string; held: number | null }]>`
    select outcome, held::float8 as held from log.begin_restore(
      ${id}::uuid, ${from.shard}::uuid, ${toShard}::uuid, ${from.size}::bigint, ${sealed?.size ?? null}::bigint, ${sealed?.root ?? null}::text,
      ${JSON.stringify(unknown)}::text::jsonb, ${JSON.stringify(issuers)}::text::jsonb, ${until.toISOString()}::timestamptz, ${leaf}::text,
      ${body}::text)`
  return row.outcome === 'begun' ? { held: row.held ?? 0 } : undefined
}

/** From here on it is served again. */
export async function finishFork(sql: Sql, id: string): Promise<void> {
  await sql`select log.finish_restore(${id}::uuid)`
}

/** Algorithms for which tenants have no key that signs. */
export function findTenantsWithoutKey(sql: Sql, algs: readonly string[]): Promise<{ tenantId: string; alg: string }[]> {
  return sql`select tenant_id as "tenantId", alg from across.tenants_without_key(${arrayText(algs)}::text::text[])`
}

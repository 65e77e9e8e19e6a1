import { sql as query } from 'kysely'
import type { Sql } from 'postgres'
import type { Executor } from '../unscoped-db.ts'

export interface SealState {
  /** Uuid of the log as it is now, and how many entries it has. */
  readonly shard: string
  readonly headSize: number
  readonly sealedShard: string
  readonly sealedSize: number
  readonly origin: string
  /** As c2sp.org/signed-note writes it. */
  readonly verifierKey: string
  /** How long ago the sealer was last heard of, in milliseconds. */
  readonly heardMs: number
  /** Why it does not seal. */
  readonly fault: string | undefined
  /** Names of witnesses, and since when each has not answered. */
  readonly witnesses: readonly { readonly name: string; readonly size: number; readonly fault?: string }[]
  /** How long the oldest entry that is not sealed has been there, in milliseconds; 0 when there is none. */
  readonly lagMs: number
}

interface SealStateRow extends Omit<SealState, 'fault'> {
  readonly fault: string | null
}

const sealStateQuery = `
  select shard::text, head_size::float8 as "headSize", sealed_shard::text as "sealedShard", sealed_size::float8 as "sealedSize", origin,
         verifier_key as "verifierKey", heard_ms as "heardMs", fault, witnesses, lag_ms as "lagMs"
    from log.seal_state()`

const stateOf = (row: SealStateRow | undefined): SealState | undefined => row && { ...row, fault: row.fault ?? undefined }

/** Undefined where no sealer was ever set up. */
export async function findSealState(sql: Sql): Promise<SealState | undefined> {
  const [row] = await sql.unsafe<SealStateRow[]>(sealStateQuery)
  return stateOf(row)
}

/** The same, for who holds no pool of the hot functions. */
export async function findSealStateNow(db: Executor): Promise<SealState | undefined> {
  const { rows } = await query.raw<SealStateRow>(sealStateQuery).execute(db)
  return stateOf(rows[0])
}

/** Uuid of the log, and how many entries it has. */
export async function readLogHead(sql: Sql): Promise<{ readonly shard: string; readonly size: number }> {
  const [row] = await sql<[{ shard: string; size: number }]>`
    select shard::text, size::float8 as size from log.head where id = 1`
  return row
}

/** Leaves as the bytes that were hashed, of `limit` positions from one on; fewer where the log ends. Throws when the sequence has a gap. */
export async function readLeaves(sql: Sql, fromPosition: number, limit: number): Promise<Buffer[]> {
  if (limit < 1) return []
  const [row] = await sql<{ leaves: string; count: number; first: number }[]>`
    select leaves, count::float8 as count from across.read_leaves(${fromPosition}::bigint, ${limit}::bigint)`
  const leaves = row ? row.leaves.split('\n') : []
  if (row && leaves.length !== row.count) throw new Error('A leaf of the log holds a newline')
  return leaves.map(leaf => Buffer.from(leaf))
}

export interface SignedCheckpoint {
  readonly shard: string
  readonly size: number
  readonly root: Buffer
  /** The signed note. */
  readonly note: string
  readonly origin: string
  readonly verifierKey: string
}

/** `shard`: the log is another one by now; `raced`: somebody else sealed meanwhile; `short`: the log has not so many entries. */
export type KeepOutcome = 'kept' | 'shard' | 'raced' | 'short'

/** Keeps it as the next one after the checkpoint of `after` entries. */
export async function keepCheckpoint(sql: Sql, after: number, next: SignedCheckpoint): Promise<KeepOutcome> {
  const { shard, size, root, note, origin, verifierKey } = next
  const [row] = await sql<[{ outcome: KeepOutcome }]>`
    select log.keep_checkpoint(${shard}::uuid, ${after}::bigint, ${size}::bigint, decode(${root.toString('hex')}::text, 'hex'), ${note}::text,
      ${origin}::text, ${verifierKey}::text) as outcome`
  return row.outcome
}

/** The newest note of a shard that the database has and nobody has disowned; undefined: none. */
export async function findLastNote(sql: Sql, shard: string): Promise<string | undefined> {
  const [row] = await sql<{ note: string }[]>`select c.note from log.checkpoint c where c.shard = ${shard}::uuid
      and not exists (select from log.checkpoint_disowned d where d.shard = c.shard and d.size = c.size) order by c.size desc limit 1`
  return row?.note
}

export interface SealerReport extends Pick<SealState, 'shard' | 'origin' | 'verifierKey' | 'fault' | 'witnesses'> {}

/** What the sealer says of itself. From the first report on the lag of sealing counts. */
export async function reportSealer(sql: Sql, report: SealerReport): Promise<void> {
  await sql`select log.report_sealer(${report.shard}::uuid, ${report.origin}::text, ${report.verifierKey}::text,
    ${report.fault ?? null}::text, ${JSON.stringify(report.witnesses)}::text::jsonb)`
}

import { sql } from 'kysely'
import type { Executor } from '../unscoped-db.ts'

/** The log that was sealed last, as its sealer has said. */
export interface SealedShard {
  /** uuid */
  readonly shard: string
  readonly origin: string
  /** As c2sp.org/signed-note writes it. */
  readonly verifierKey: string
  /** Keys of its witnesses, in the same form. */
  readonly witnessKeys: readonly string[]
}

/** Undefined where no sealer was ever set up. */
export async function findSealedShard(db: Executor): Promise<SealedShard | undefined> {
  const { rows } = await sql<{
    shard: string
    origin: string
    verifier_key: string
    witnesses: readonly { readonly vkey?: unknown }[]
  }>`
    select shard, origin, verifier_key, witnesses from log.sealer where id = 1`.execute(db)
  const [row] = rows
  if (!row) return undefined
  const witnessKeys = row.witnesses.map(({ vkey }) => vkey).filter(vkey => typeof vkey === 'string')
  return { shard: row.shard, origin: row.origin, verifierKey: row.verifier_key, witnessKeys }
}

import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sql } from 'postgres'
import { LogSealer, type SealLogDeps } from '#apps/worker/sealer/seal-log.ts'
import { prepareEvent } from '#core/audit/event.ts'
import { type Checkpoint, checkpointPath, parseCheckpoint } from '#core/tlog/checkpoint.ts'
import { leafHash } from '#core/tlog/hash.ts'
import { createNoteSigner, openNote } from '#core/tlog/note.ts'
import { consistencyProof, inclusionProof, verifyConsistency, verifyInclusion } from '#core/tlog/proof.ts'
import { createTileReader } from '#core/tlog/read-tiles.ts'
import { createMemoryStore, type SealStore, storeUnder } from '#core/tlog/tile-store.ts'
import type { Database } from '#db/connect.ts'
import { appendPending } from '#db/log/append-pending.ts'
import { readLeaves, readLogHead } from '#db/log/seal.ts'

export const host = 'broker.example'

/** As many entries as that, in one transaction. */
export async function appendEvents({ db }: Pick<Database, 'db'>, count: number): Promise<void> {
  const events = Array.from({ length: count }, (_, at) => {
    const { leaf, body } = prepareEvent(
      { type: 'requests.rejected', tenantId: null, facts: { reasons: { overloaded: at + 1 } } },
      Date.now(),
    )
    return { tenantId: null, leaf, body }
  })
  await db
    .forTenant(null)
    .transaction()
    .execute(trx => appendPending(trx, events))
}

export interface SealerFixture {
  readonly deps: SealLogDeps
  readonly key: KeyObject
  readonly store: SealStore & { readonly files: ReadonlyMap<string, Buffer> }
  sealer(change?: Partial<SealLogDeps>): LogSealer
  /** The published checkpoint of a shard, its signature verified; undefined: none. */
  published(shard: string): Promise<Checkpoint | undefined>
  close(): Promise<void>
}

export async function createSealerFixture(sql: Sql): Promise<SealerFixture> {
  const stateDir = await mkdtemp(join(tmpdir(), 'mayfly-sealer-'))
  const { privateKey: key } = generateKeyPairSync('ed25519')
  const store = createMemoryStore()
  const deps: SealLogDeps = { sql, tiles: store, stateDir, host, signers: origin => [createNoteSigner(origin, key)] }
  return {
    deps,
    key,
    store,
    sealer: change => new LogSealer({ ...deps, ...change }),
    async published(shard) {
      const note = await store.read(`${shard}/${checkpointPath}`)
      return note && parseCheckpoint(openNote(note.toString(), [deps.signers(`${host}/log/${shard}`)[0]!.verifierKey]).text)
    },
    close: () => rm(stateDir, { recursive: true, force: true }),
  }
}

/** Whether the published tree is the one of the database's entries: each of some has its proof. Throws what is wrong. */
export async function checkSealed(sql: Sql, fixture: SealerFixture, indexes?: readonly number[]): Promise<number> {
  const { shard } = await readLogHead(sql)
  const checkpoint = await fixture.published(shard)
  if (!checkpoint) throw new Error('nothing is published')
  const { size, root } = checkpoint
  const tiles = storeUnder(fixture.store, shard)
  for (const index of indexes ?? [0, size >> 1, size - 1]) {
    const [entry] = await readLeaves(sql, index, 1)
    const path = await inclusionProof(
      index,
      size,
      createTileReader(size, name => tiles.read(name)),
    )
    if (!verifyInclusion({ index, size, leaf: leafHash(entry!), path, root }))
      throw new Error(`entry ${index} of ${size} is not proven`)
  }
  return size
}

/** Whether all these are beginnings of the longest, by its tiles. */
export async function areOneHistory(checkpoints: readonly Checkpoint[], tiles: SealStore): Promise<boolean> {
  const longest = checkpoints.reduce((a, b) => (b.size > a.size ? b : a))
  for (const { size: from, root: fromRoot } of checkpoints) {
    if (from === 0) continue
    const path = await consistencyProof(
      from,
      longest.size,
      createTileReader(longest.size, name => tiles.read(name)),
    )
    if (!verifyConsistency({ from, to: longest.size, fromRoot, toRoot: longest.root, path })) return false
  }
  return true
}

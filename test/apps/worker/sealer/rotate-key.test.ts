import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CosignRequest } from '#apps/worker/sealer/cosign.ts'
import { checkpointPath } from '#core/tlog/checkpoint.ts'
import { followHandovers } from '#core/tlog/handover.ts'
import { createCosigner, createNoteSigner, formatVerifierKey, openNote, signatureLine } from '#core/tlog/note.ts'
import { findSealState, readLogHead } from '#db/log/seal.ts'
import { listLogKeys } from '#db/log/signers.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { appendEvents, createSealerFixture, host, type SealerFixture } from './fixture.ts'

let db: TestDatabase
let fixture: SealerFixture
let shard: string
let origin: string
const newKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey

beforeEach(async () => {
  db = await createTestDatabase()
  fixture = await createSealerFixture(db.database.sql)
  shard = (await readLogHead(db.database.sql)).shard
  origin = `${host}/log/${shard}`
})
afterEach(async () => {
  await db.close()
  await fixture.close()
})

const sealerWith = (...keys: KeyObject[]) => fixture.sealer({ signers: name => keys.map(key => createNoteSigner(name, key)) })
const keyOf = (key: KeyObject) => createNoteSigner(origin, key).verifierKey
const published = async (): Promise<string> => (await fixture.store.read(`${shard}/${checkpointPath}`))!.toString()

describe('a log that changes its key', () => {
  test('is signed by both for a while, then by the new one; the old one names it, and the log says so itself', async () => {
    const [old, next] = [fixture.key, newKey()]
    await appendEvents(db.database, 5)
    await sealerWith(old).round()
    const before = await published()

    const sealer = sealerWith(next, old)
    await sealer.round()
    for (const key of [old, next]) expect(openNote(await published(), [keyOf(key)]).signatures).toHaveLength(1)
    expect(await findSealState(db.database.sql)).toMatchObject({ verifierKey: formatVerifierKey(keyOf(next)) })
    const keys = await listLogKeys(db.database.db)
    expect(keys).toMatchObject([
      { shard, verifierKey: formatVerifierKey(keyOf(next)), until: null },
      { shard, verifierKey: formatVerifierKey(keyOf(old)), until: null, handover: null },
    ])
    expect(followHandovers([keyOf(old)], [keys[0]!.handover!])).toEqual([keyOf(old), keyOf(next)])
    expect(openNote(before, [keyOf(old)]).text).toContain(origin)

    await sealerWith(next).round()
    await appendEvents(db.database, 1)
    await sealerWith(next).round()
    expect(() => openNote(before, [keyOf(next)])).toThrow()
    expect(openNote(await published(), [keyOf(next), keyOf(old)]).signatures).toHaveLength(1)
    expect((await listLogKeys(db.database.db)).map(({ until }) => until)).toEqual([null, expect.any(Date)])
    const changes = (await readLog(db.admin)).filter(({ leaf }) => leaf.type === 'log.key_changed')
    expect(changes.map(({ body }) => body['keys'])).toEqual([
      [next, old].map(key => formatVerifierKey(keyOf(key))),
      [formatVerifierKey(keyOf(next))],
    ])
  })

  test('is not sealed by a new key alone: the old one was taken away too early', async () => {
    await appendEvents(db.database, 1)
    await sealerWith(fixture.key).round()
    await expect(sealerWith(newKey()).round()).rejects.toMatchObject({ code: 'key' })
    expect(await listLogKeys(db.database.db)).toHaveLength(1)
  })

  test('says nothing when it starts again with the keys that it had', async () => {
    await sealerWith(fixture.key).round()
    const { size } = await readLogHead(db.database.sql)
    await sealerWith(fixture.key).round()
    expect((await readLogHead(db.database.sql)).size).toBe(size)
  })
})

describe('a witness', () => {
  const witness = createCosigner('witness.example/w1', newKey(), () => 1_795_305_700)
  const other = createCosigner('witness.example/w2', newKey(), () => 1_795_305_700)
  const asked: CosignRequest[] = []
  /** Cosigns with whoever is here and has not yet. */
  const cosignersOf = (here: () => readonly (typeof witness)[]) => async (request: CosignRequest) => {
    asked.push(request)
    const lacking = here().filter(({ verifierKey }) => !request.without?.includes(verifierKey.keyId))
    return {
      lines: lacking.map(each => signatureLine(request.note.slice(0, request.note.indexOf('\n\n') + 1), each)),
      witnesses: [],
    }
  }
  const cosigned = async (): Promise<string[]> =>
    openNote(await published(), [witness.verifierKey, other.verifierKey]).signatures.map(({ name }) => name)

  test('that is named, or comes back, while nothing is logged cosigns the checkpoint that there is, once', async () => {
    await appendEvents(db.database, 300)
    const { size } = await sealerWith(fixture.key).round()
    const here = [witness]
    const sealer = fixture.sealer({ cosign: cosignersOf(() => here) })
    await sealer.round()
    expect(await cosigned()).toEqual(['witness.example/w1'])
    expect(asked.at(-1)!.checkpoint.size).toBe(size)
    expect(await asked.at(-1)!.prove(100)).not.toHaveLength(0)
    here.push(other)
    await sealer.round()
    const note = await published()
    expect(await cosigned()).toEqual(['witness.example/w1', 'witness.example/w2'])
    await sealer.round()
    expect(await published()).toBe(note)
    expect(asked.at(-1)!.without).toEqual([witness, other].map(({ verifierKey }) => verifierKey.keyId))
    // What it signed stays when it is away and another process takes over.
    await fixture.sealer({ stateDir: `${fixture.deps.stateDir}-2`, cosign: cosignersOf(() => []) }).round()
    expect(await published()).toBe(note)
    expect(await readLogHead(db.database.sql)).toMatchObject({ size })
  })
})

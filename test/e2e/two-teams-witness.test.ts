// Two teams, each with a log and a witness for the other's. What one team's operator can do to its own database, tiles and memory, the
// other team's witness remembers.

import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWitnesses, type Witnesses } from '#apps/worker/witnesses/witnesses.ts'
import { prepareEvent } from '#core/audit/event.ts'
import { eventOnly } from '#core/audit/event-only.ts'
import { newUuid } from '#core/ids/id.ts'
import { formatVerifierKey, type VerifierKey } from '#core/tlog/note.ts'
import { verifyCheckpoint } from '#core/tlog/tlog-proof.ts'
import { appendBatch } from '#db/log/append.ts'
import { findSealedShard } from '#db/log/sealed-shard.ts'
import { type RunningWitness, startWitness } from '#test/apps/cli/witness/witness-in-use.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { createTestSealer, type TestSealer } from '#test/setup/seal.ts'

interface Team {
  readonly database: TestDatabase
  readonly key: KeyObject
  sealer: TestSealer
  logKey: VerifierKey
  /** The one that watches this team's log; the other team's. */
  witness: RunningWitness
  witnesses: Witnesses
  readonly faults: string[]
}

const tenantId = newUuid()
let a: Team
let b: Team

const hold = (team: Team) => createTestSealer(hostOf(team), request => team.witnesses.cosign(request), team.key)
const hostOf = (team: Team): string => (team === a ? 'broker.a.example' : 'broker.b.example')
const askedOf = ({ witness: { key: verifierKey, url }, faults }: Team): Witnesses =>
  createWitnesses([{ verifierKey, url }], { onFault: (_name, fault) => fault !== undefined && faults.push(fault) })

async function begin(): Promise<Team> {
  const database = await createTestDatabase()
  return {
    database,
    key: generateKeyPairSync('ed25519').privateKey,
    faults: [],
    witnesses: createWitnesses([], { onFault: () => {} }),
  } as never
}

async function log({ database: { database } }: Team, count: number): Promise<void> {
  const events = Array.from({ length: count }, () =>
    eventOnly(
      tenantId,
      prepareEvent({ type: 'requests.rejected', tenantId, facts: { reasons: { not_authenticated: 1 } } }, Date.now()),
    ),
  )
  await appendBatch(database.sql, events)
}

const seal = (team: Team) => team.sealer.seal(team.database.database.sql)
const published = async (team: Team): Promise<string> =>
  readFileSync(join(team.sealer.folder, (await seal(team)).shard, 'checkpoint'), 'utf8')
const trustOf = ({ logKey, witness }: Team) => ({ logKeys: [logKey], witnessKeys: [witness.key], witnessesNeeded: 1 })

beforeAll(async () => {
  a = await begin()
  b = await begin()
  for (const team of [a, b]) {
    team.sealer = hold(team)
    await log(team, 3)
    team.logKey = (await seal(team)).key
  }
  a.witness = await startWitness({ name: 'witness.b.example/w1', logs: [formatVerifierKey(a.logKey)] })
  b.witness = await startWitness({ name: 'witness.a.example/w1', logs: [formatVerifierKey(b.logKey)] })
  for (const team of [a, b]) team.witnesses = askedOf(team)
})
afterAll(async () => {
  for (const team of [a, b]) {
    await team.witnesses.close()
    await team.witness.close()
    team.sealer.close()
    await team.database.close()
  }
})

describe('two teams that witness each other', () => {
  test('have each other’s signature under every checkpoint, and each shows whose it has', async () => {
    for (let round = 0; round < 3; round++) {
      for (const team of [a, b]) {
        await log(team, 5)
        const { checkpoint, witnesses } = verifyCheckpoint(await published(team), trustOf(team))
        expect(checkpoint.size).toBe(3 + 5 * (round + 1))
        expect(witnesses.map(({ name }) => name)).toEqual([team.witness.key.name])
        expect(await findSealedShard(team.database.database.db)).toMatchObject({ witnessKeys: [team.witness.vkey] })
      }
    }
    expect([...a.faults, ...b.faults]).toEqual([])
  })

  test('do not cosign each other’s log: a witness knows the logs that it was told of', async () => {
    const stray = createWitnesses([{ verifierKey: b.witness.key, url: b.witness.url }], {
      onFault: (_name, fault) => a.faults.push(String(fault)),
    })
    const { witnesses } = a
    a.witnesses = stray
    await log(a, 1)
    const note = await published(a)
    expect(() => verifyCheckpoint(note, trustOf(a))).toThrow('0 of the known witnesses')
    expect(a.faults.splice(0)[0]).toContain('404')
    a.witnesses = witnesses
    await stray.close()
    await log(a, 1)
    verifyCheckpoint(await published(a), trustOf(a))
  })

  test('a past that was rewritten, signed with the log’s own key, gets no cosignature; what was signed twice is kept (attack 41)', async () => {
    const { admin } = a.database
    const before = await seal(a)
    await admin`alter table log.entry disable trigger all`
    await admin`update log.entry set leaf = replace(leaf, '"v":1', '"v":9') where position = 2`
    // All that team A itself remembers is gone: its checkpoints in database and file, its tiles.
    for (const table of ['log.checkpoint', 'log.sealer'])
      await admin.unsafe(`alter table ${table} disable trigger all; delete from ${table}`)
    a.sealer.close()
    a.sealer = hold(a)
    await a.witnesses.close()
    a.witnesses = askedOf(a)
    expect((await seal(a)).size).toBe(before.size)
    expect(a.faults.splice(0)).toEqual([`it refuses: it has cosigned another tree of ${before.size} entries`])
    expect(readdirSync(join(a.witness.state, 'forks'))).toHaveLength(1)
    await log(a, 4)
    await a.witnesses.close()
    a.witnesses = askedOf(a)
    const note = await published(a)
    expect(verifyCheckpoint(note, { logKeys: [a.logKey] }).checkpoint.size).toBe(before.size + 4)
    expect(a.faults[0]).toContain('it refuses: 422')
    expect(() => verifyCheckpoint(note, trustOf(a))).toThrow('0 of the known witnesses')
  })
})

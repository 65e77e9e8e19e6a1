// Everything at once, by chance: wires cut and silent, the broker killed, revocations all the time by whoever reaches the database.
// Four guards look at every token every few milliseconds. Afterwards the whole history is judged.

import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { Lookout, type Shown } from './rig/lookout.ts'
import { report } from './rig/report.ts'
import { revokeInDatabase } from './rig/revoke-in-database.ts'
import { type Rig, startRig } from './rig/rig.ts'

const forMs = 8_000
const accounts = 40

let database: TestDatabase
let rig: Rig
let lookout: Lookout
beforeAll(async () => {
  database = await createTestDatabase()
  rig = await startRig(database.urls.app, { relayed: true })
  lookout = new Lookout(rig, { guards: 4, maxStaleSeconds: 2 })
})
afterAll(async () => {
  await lookout?.close()
  await rig?.close()
  await database?.close()
})

const readEpoch = async (): Promise<number> => {
  const [row] = await database.admin<{ epoch: number }[]>`select max(epoch)::float8 as epoch from mayfly.feed`
  return row!.epoch
}

const faults: readonly (() => Promise<void>)[] = [
  async () => rig.relay!.reset(),
  async () => {
    rig.relay!.cut()
    await delay(1_500 * Math.random())
    rig.relay!.mend()
  },
  async () => {
    rig.relay!.silence()
    await delay(3_500 * Math.random())
    rig.relay!.mend()
  },
  async () => {
    await rig.broker.kill()
    await delay(500 * Math.random())
    await rig.start()
  },
]

async function breakThings(untilMs: number): Promise<number> {
  let broken = 0
  for (; performance.now() < untilMs; broken++) {
    await delay(400 * Math.random())
    await faults[broken % faults.length]!()
  }
  return broken
}

test('F10: no guard accepts what it was told is revoked, nor anything revoked beyond its bound, whatever breaks', async () => {
  const shown: Shown[] = []
  for (let i = 0; i < accounts; i++) shown.push(await lookout.open(`history-${i}`))
  const good = shown.pop()!
  await lookout.untilAll(good, 'accepted')
  const untilMs = performance.now() + forMs
  const breaking = breakThings(untilMs)
  breaking.catch(() => {})
  for (const [i, each] of shown.entries()) {
    await delay((forMs / shown.length) * Math.random())
    const revoke = () => revokeInDatabase(database.admin, database.database.sql, each.accountId)
    await lookout.revoking([each], revoke, readEpoch)
    if (i % 8 === 7) await lookout.untilAll(each, 'token_revoked', 20_000)
  }
  const broken = await breaking
  for (const each of shown) await lookout.untilAll(each, 'token_revoked', 20_000)
  await lookout.untilAll(good, 'accepted')
  const judged = lookout.judge()
  report('feed history', {
    faults: broken,
    revocations: shown.length,
    looks: judged.looks,
    unavailable: judged.unavailable,
    acceptedAfterAnswerMs: judged.acceptedAfterAnswerMs,
  })
  expect(judged.violations).toEqual([])
  expect(Object.keys(lookout.reasons).filter(reason => reason !== 'revocation_unknown')).toEqual([])
  expect(judged.accepted).toBeGreaterThan(1_000)
}, 90_000)

// Broker and PostgreSQL die and come back while guards follow the feed: within their bound nobody notices, beyond it they refuse,
// and what was revoked meanwhile is refused as soon as there is anybody to tell it.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '#db/connect.ts'
import { nowMs } from '#test/bench/revocation/clock.ts'
import { Lookout } from './rig/lookout.ts'
import { OwnPostgres } from './rig/own-postgres.ts'
import { report } from './rig/report.ts'
import { revokeInDatabase } from './rig/revoke-in-database.ts'
import { type Rig, startRig } from './rig/rig.ts'

let postgres: OwnPostgres
let app: Database
let rig: Rig
/** Guards with the bound that is the default, and with the shortest. */
let patient: Lookout
let strict: Lookout
beforeAll(async () => {
  postgres = await OwnPostgres.start()
  rig = await startRig(postgres.appUrl)
  app = openDatabase(postgres.appUrl, { poolSize: 2 })
})
afterAll(async () => {
  await app?.close()
  await rig?.close()
  await postgres?.close()
})
beforeEach(() => {
  patient = new Lookout(rig, { guards: 2 })
  strict = new Lookout(rig, { guards: 2, maxStaleSeconds: 2 })
})
afterEach(async () => {
  await Promise.all([patient.close(), strict.close()])
})

async function withAdmin<T>(work: (admin: ReturnType<OwnPostgres['admin']>) => Promise<T>): Promise<T> {
  const admin = postgres.admin()
  try {
    return await work(admin)
  } finally {
    await admin.end({ timeout: 2 })
  }
}

const readEpoch = () =>
  withAdmin(async admin => {
    const [row] = await admin<{ epoch: number }[]>`select max(epoch)::float8 as epoch from mayfly.feed`
    return row!.epoch
  })

let runs = 0
async function openFor(lookouts: readonly Lookout[]) {
  const first = await lookouts[0]!.open(`restart-${runs++}`)
  const shown = lookouts.map((lookout, i) => (i === 0 ? first : lookout.show(first.token, first.accountId)))
  await Promise.all(lookouts.map((lookout, i) => lookout.untilAll(shown[i]!, 'accepted')))
  return shown
}

describe('a broker that is killed', () => {
  test('and started again refuses no good token for want of a stream; what was revoked meanwhile is refused at once', async () => {
    const [good, bad] = [await openFor([patient]), await openFor([patient])]
    await rig.broker.kill()
    await patient.revoking(bad, () => withAdmin(admin => revokeInDatabase(admin, app.sql, bad[0]!.accountId)), readEpoch)
    await rig.start()
    const startedMs = nowMs()
    await patient.untilAll(bad[0]!, 'token_revoked')
    report('broker killed', { heardAfterMs: nowMs() - startedMs })
    await patient.untilAll(good[0]!, 'accepted')
    await patient.freshly()
    expect(patient.reasons).toEqual({})
    expect(patient.judge().violations).toEqual([])
  })

  test('a revocation that its own broker was killed right after is heard of', async () => {
    const [bad] = await openFor([patient])
    await patient.revoke(bad!, readEpoch)
    await rig.broker.kill()
    await rig.start()
    await patient.untilAll(bad!, 'token_revoked')
    expect(patient.judge().violations).toEqual([])
  })

  test('and stays away stops every guard after its bound', async () => {
    const [good] = await openFor([strict])
    await rig.broker.kill()
    const killedMs = nowMs()
    await strict.untilAll(good!, 'revocation_unknown')
    const closedAfterMs = nowMs() - killedMs
    await rig.start()
    await strict.untilAll(good!, 'accepted')
    report('broker away', { closedAfterMs })
    expect(closedAfterMs).toBeLessThan(2_500)
    expect(Object.keys(strict.reasons)).toEqual(['revocation_unknown'])
  })
})

test('a PostgreSQL that is killed and recovers: strict guards stop and come back, patient ones let good tokens in all the time', async () => {
  const [good, alsoGood] = await openFor([patient, strict])
  const [bad, alsoBad] = await openFor([patient, strict])
  await postgres.kill()
  const killedMs = nowMs()
  await strict.untilAll(alsoGood!, 'revocation_unknown')
  await postgres.restart()
  await strict.untilAll(alsoGood!, 'accepted')
  report('PostgreSQL killed', { backAfterMs: nowMs() - killedMs })
  await patient.freshly()
  expect(patient.reasons).toEqual({})
  const revoke = () => withAdmin(admin => revokeInDatabase(admin, app.sql, bad!.accountId))
  await strict.revoking([alsoBad!], () => patient.revoking([bad!], revoke, readEpoch), readEpoch)
  await Promise.all([patient.untilAll(bad!, 'token_revoked'), strict.untilAll(alsoBad!, 'token_revoked')])
  await patient.untilAll(good!, 'accepted')
  for (const lookout of [patient, strict]) expect(lookout.judge().violations).toEqual([])
})

// Fault F10: the wire between guards and broker is silent or cut. Attack 38: the broker is cut off from its database and keeps
// its streams open. Either way a guard goes on for its bound at most, then refuses everything, and comes back by itself.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { nowMs } from '#test/bench/revocation/clock.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { openFeed } from './rig/feed-client.ts'
import { Lookout } from './rig/lookout.ts'
import { Relay } from './rig/relay.ts'
import { report } from './rig/report.ts'
import { revokeInDatabase } from './rig/revoke-in-database.ts'
import { type Rig, startRig } from './rig/rig.ts'

const maxStaleSeconds = 2

let database: TestDatabase
/** Between the broker and PostgreSQL. */
let databaseWire: Relay
let rig: Rig
let lookout: Lookout
beforeAll(async () => {
  database = await createTestDatabase()
  const url = new URL(database.urls.app)
  databaseWire = await Relay.start([Number(url.port)])
  url.port = String(databaseWire.port)
  rig = await startRig(url.href, { relayed: true })
})
afterAll(async () => {
  await rig?.close()
  await databaseWire?.close()
  await database?.close()
})
beforeEach(() => {
  lookout = new Lookout(rig, { maxStaleSeconds })
})
afterEach(async () => {
  rig.relay!.mend()
  databaseWire.mend()
  await lookout.close()
})

const readEpoch = async (): Promise<number> => {
  const [row] = await database.admin<{ epoch: number }[]>`select max(epoch)::float8 as epoch from mayfly.feed`
  return row!.epoch
}

let runs = 0
const open = () => lookout.open(`partition-${runs++}`)

describe.each(['silent', 'cut'] as const)('F10: a wire between guards and broker that is %s', how => {
  test('stops every guard after its bound; whatever was revoked meanwhile is refused from then on', async () => {
    const wire = rig.relay!
    const [good, bad] = [await open(), await open()]
    for (const shown of [good, bad]) await lookout.untilAll(shown, 'accepted')
    const [cutMs] = [nowMs(), how === 'silent' ? wire.silence() : wire.cut()]
    await lookout.revoke(bad, readEpoch)
    await lookout.untilAll(good, 'revocation_unknown')
    const closedAfterMs = nowMs() - cutMs
    expect(closedAfterMs).toBeGreaterThan(500)
    wire.mend()
    const mendedMs = nowMs()
    await lookout.untilAll(bad, 'token_revoked')
    await lookout.untilAll(good, 'accepted')
    const judged = lookout.judge()
    report('F10', {
      how,
      closedAfterMs,
      backAfterMs: nowMs() - mendedMs,
      latestMs: judged.acceptedAfterAnswerMs,
      looks: judged.looks,
    })
    expect(judged.violations).toEqual([])
    expect(Object.keys(lookout.reasons)).toEqual(['revocation_unknown'])
  })

  test('that is mended within the bound refuses no good token', async () => {
    const wire = rig.relay!
    const good = await open()
    await lookout.untilAll(good, 'accepted')
    // Right after a heartbeat, so that most of the bound is left.
    await lookout.freshly()
    if (how === 'silent') wire.silence()
    else wire.cut()
    await new Promise(resolve => setTimeout(resolve, 300))
    wire.mend()
    await lookout.freshly()
    await lookout.freshly()
    expect(lookout.reasons).toEqual({})
  })
})

test('F10: a wire that ends every connection again and again keeps no revocation from any guard', async () => {
  const [good, bad] = [await open(), await open()]
  for (const shown of [good, bad]) await lookout.untilAll(shown, 'accepted')
  const cutting = setInterval(() => rig.relay!.reset(), 400)
  try {
    await lookout.revoke(bad, readEpoch)
    await lookout.untilAll(bad, 'token_revoked')
    await lookout.freshly()
    await lookout.freshly()
  } finally {
    clearInterval(cutting)
  }
  await lookout.untilAll(good, 'accepted')
  expect(lookout.judge().violations).toEqual([])
})

test('38: a broker that is cut off from its database closes its streams within 2 s, and its guards refuse everything', async () => {
  const [good, bad] = [await open(), await open()]
  for (const shown of [good, bad]) await lookout.untilAll(shown, 'accepted')
  const feed = await openFeed({ url: rig.publicUrl, caPem: rig.caPem, secret: rig.resourceSecrets.pop })
  databaseWire.silence()
  const cutMs = nowMs()
  // By somebody whose own way to the database is whole.
  await lookout.revoking([bad], () => revokeInDatabase(database.admin, database.database.sql, bad.accountId), readEpoch)
  const endedAfterMs = (await feed.ended) - cutMs
  await lookout.untilAll(good, 'revocation_unknown')
  const closedAfterMs = nowMs() - cutMs
  databaseWire.mend()
  await lookout.untilAll(bad, 'token_revoked', 20_000)
  await lookout.untilAll(good, 'accepted', 20_000)
  const judged = lookout.judge()
  report('row 38', { endedAfterMs, closedAfterMs, latestMs: judged.acceptedAfterAnswerMs })
  expect(endedAfterMs).toBeLessThan(2_500)
  expect(judged.violations).toEqual([])
})

// Fault F13: keys rotate through all their states while two brokers issue tokens and a guard verifies them, on real sockets.
// Workers run two at a time and die at random moments of their steps. The times of a rotation, of the guard's key set and of
// the tokens are shortened in the same proportion; nothing waits for anything but a condition.

import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type RotationFailpoint, type RotationRound, rotateDueKeys } from '#core/keys/rotation/rotate-due.ts'
import { rotatingUses } from '#core/keys/rotation/rotating-use.ts'
import { readClock } from '#db/server/check-server.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { remoteKeys } from '../../packages/guard/src/broker/key-source.ts'
import { createGuard, type Guard, type GuardOptions } from '../../packages/guard/src/index.ts'
import { askFor, busy, getFrom, type Issued, signedOutOfTurn, useTwoBrokers } from './rig/two-brokers.ts'

const times = { lifeSeconds: 1.8, aheadSeconds: 1.4, retiringSeconds: 2.8 }
/** A guard that knows a new key no sooner than it must: an unknown `kid` makes it read the set after `coolDownMs` only. */
const keySetTimes = { refreshAfterMs: 700, refuseAfterMs: 1_200, coolDownMs: 700, retryAfterMs: 10 }

const patientTimes = { refreshAfterMs: 300_000, refuseAfterMs: 3_600_000, coolDownMs: 300, retryAfterMs: 10 }

const two = useTwoBrokers()
const { use } = two
let guard: Guard
/** Learns of keys in its own time, and of revocations from the feed. */
let guardOnFeed: Guard
beforeAll(async () => {
  guard = createGuardOf(keysOf(two.urls))
  guardOnFeed = createGuardOf(keysOf(two.urls), onFeed())
  await guardOnFeed.ready()
})
afterAll(() => Promise.all([guard, guardOnFeed].map(each => each?.close())))

const get = (door: 0 | 1, changes: Record<string, string> = {}) => getFrom(use, two.doors[door], changes)
/** Of all answers, so many may say that the broker was not in time. */
const busyAtMost = 0.2

/** The guard's own key source with shortened times, reading the key set from each broker in turn. */
function keysOf(urls: readonly string[]) {
  let reads = 0
  const find = remoteKeys(async () => {
    const answer = await use.https.send(`${urls[reads++ % urls.length]}/jwks`, { method: 'GET' })
    return JSON.parse(answer.text)
  }, keySetTimes)
  return async (kid: string) => (await find(kid))?.key
}

const createGuardOf = (
  keys: NonNullable<GuardOptions['keys']>,
  how: Partial<GuardOptions> = { revocation: { mode: 'none' } },
): Guard =>
  // No cache of tokens: each verification looks for the key.
  createGuard({ issuer: use.running.issuer, resource: resourceUri, keys, cacheSize: 0, report: false, ...how })

const onFeed = (): Partial<GuardOptions> => ({
  credential: use.running.resourceSecrets.pop,
  tls: { ca: use.running.ca.certificatePem },
  revocation: { mode: 'feed', name: 'rotating' },
})

/** Why the guard refuses a token that has not ended; undefined when all is well. */
async function complaint({ token, kid, endsMs }: Issued, by: Guard = guard): Promise<string | undefined> {
  const verdict = await by.verify({
    method: 'GET',
    url: '/api/orders/42',
    headers: { authorization: `Bearer ${token}` },
    certificate: new X509Certificate(use.running.certificate.certificatePem).raw,
  })
  return verdict.ok || Date.now() >= endsMs ? undefined : `${verdict.reason} of ${kid}`
}

/** Callers that ask both brokers without pause, and look at each token again and again until it ends. */
function startTraffic() {
  const issued: Issued[] = []
  const complaints: string[] = []
  let times503 = 0
  let stopped = false
  const caller = async (n: number): Promise<void> => {
    const held: Issued[] = []
    for (let i = 0; !stopped; i++) {
      const got = await askFor(use, two.doors[(n + i) % 2]!, { task_id: `task-${n}` })
      if (typeof got === 'string') {
        if (got === busy) times503++
        else complaints.push(got)
        continue
      }
      issued.push(got)
      held.push(got)
      while (held[0] && held[0].endsMs <= Date.now()) held.shift()
      // The newest, the oldest that is still good, and one between them.
      for (const token of new Set([got, held[0] ?? got, held[held.length >> 1] ?? got])) {
        for (const by of [guard, guardOnFeed]) {
          const found = await complaint(token, by)
          if (found) complaints.push(found)
        }
      }
    }
  }
  const callers = [0, 1, 2, 3].map(caller)
  return {
    issued,
    complaints,
    busyShare: () => times503 / (issued.length + times503),
    async stop() {
      stopped = true
      await Promise.all(callers)
    },
  }
}

/** Two workers at once, each of which dies at about every third moment at which it could. */
async function twoWorkers(): Promise<RotationRound[]> {
  const { database, keyEncryption } = use.running.broker.deps
  const nowMs = await readClock(database.sql)
  const failpoint: RotationFailpoint = moment => {
    if (Math.random() < 0.3) throw new Error(`died at ${moment}`)
  }
  const work = () => rotateDueKeys({ db: database.db, uses: rotatingUses(keyEncryption, { signing: times }), failpoint }, nowMs)
  return Promise.all([work(), work()])
}

describe('F13: keys rotate under traffic', () => {
  test('no good token is refused, and nothing is signed by a key before or after its time', async () => {
    const traffic = startTraffic()
    const done = { retired: 0, died: 0 }
    try {
      await vi.waitFor(
        async () => {
          for (const round of await twoWorkers()) {
            done.retired += round.retired
            done.died += round.failures.length
          }
          const retired = await use.database.admin`select 1 from mayfly.signing_key where state = 'retired' and alg = 'ES256'`
          expect(retired.length).toBeGreaterThanOrEqual(3)
        },
        { timeout: 25_000, interval: 20 },
      )
    } finally {
      await traffic.stop()
    }
    expect(traffic.complaints).toEqual([])
    expect(traffic.busyShare()).toBeLessThan(busyAtMost)
    expect(guardOnFeed.stats().allowed).toBeGreaterThan(100)
    expect(done.died).toBeGreaterThan(0)
    // All states were gone through while tokens were signed.
    expect(new Set(traffic.issued.map(({ kid }) => kid)).size).toBeGreaterThanOrEqual(4)
    expect(await signedOutOfTurn(use, traffic.issued)).toEqual([])
  })

  test('what a retired key signed is refused as soon as the key set has been read again', async () => {
    const before = await get(0, { ttl: '300' })
    const keys = await use.running.v1('GET', '/v1/keys?limit=200')
    expect(keys.body.items.find(({ kid }: { kid: string }) => kid === before.kid).state).toBe('active')
    const own = createGuardOf(keysOf([use.running.issuer]))
    expect(await complaint(before, own)).toBeUndefined()
    const answer = await use.running.v1('POST', '/v1/keys/rotate', { use: 'signing', alg: 'ES256', now: true })
    expect(answer.body.retired).toContain(before.kid)
    await vi.waitFor(async () => expect(await complaint(before, own)).toBe(`key_unknown of ${before.kid}`), { timeout: 5_000 })
    const after = await get(1, { ttl: '300' })
    expect(answer.body.retired).not.toContain(after.kid)
    await vi.waitFor(async () => expect(await complaint(after, own)).toBeUndefined(), { timeout: 5_000 })
    await own.close()
  })
})

test('F13: what a key signed that is replaced at once is refused by guards on the feed, before they read any keys again', async () => {
  // As guards have it that run for a while: keys and tokens known, nothing to look up for minutes but an unknown key.
  let reads = 0
  const keys = remoteKeys(async () => {
    reads++
    return JSON.parse((await use.https.send(`${use.running.issuer}/jwks`, { method: 'GET' })).text)
  }, patientTimes)
  const own = createGuardOf(async kid => (await keys(kid))?.key, { ...onFeed(), cacheSize: 100 })
  try {
    const before = await get(0, { ttl: '300' })
    expect(await complaint(before, own)).toBeUndefined()
    const readsBefore = reads
    const answer = await use.running.v1('POST', '/v1/keys/rotate', { use: 'signing', alg: 'ES256', now: true })
    expect(answer.body.retired).toContain(before.kid)
    await vi.waitFor(async () => expect(await complaint(before, own)).toBe(`token_revoked of ${before.kid}`), {
      timeout: 1_000,
      interval: 5,
    })
    expect(reads).toBe(readsBefore)
    const after = await get(1, { ttl: '300' })
    await vi.waitFor(async () => expect(await complaint(after, own)).toBeUndefined(), { timeout: 15_000 })
  } finally {
    await own.close()
  }
})

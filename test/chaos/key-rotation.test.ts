// Fault F13: keys rotate through all their states while two brokers issue tokens and a guard verifies them, on real sockets.
// Workers run two at a time and die at random moments of their steps. The times of a rotation, of the guard's key set and of
// the tokens are shortened in the same proportion; nothing waits for anything but a condition.

import { X509Certificate } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Broker, startBroker } from '#apps/broker/broker.ts'
import { createLogger } from '#apps/process/logger.ts'
import { hashLeaf } from '#core/audit/event.ts'
import { type RotationFailpoint, type RotationRound, rotateDueKeys } from '#core/keys/rotation/rotate-due.ts'
import { rotatingUses } from '#core/keys/rotation/rotating-use.ts'
import { readClock } from '#db/server/check-server.ts'
import { freePort } from '#test/setup/free-port.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { createHttp, type Http } from '#test/setup/registration.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { remoteKeys } from '../../packages/guard/src/broker/key-source.ts'
import { createGuard, type Guard, type GuardOptions } from '../../packages/guard/src/index.ts'

const ttlSeconds = 2
const times = { lifeSeconds: 1.8, aheadSeconds: 1.4, retiringSeconds: 2.8 }
/** A guard that knows a new key no sooner than it must: an unknown `kid` makes it read the set after `coolDownMs` only. */
const keySetTimes = { refreshAfterMs: 700, refuseAfterMs: 1_200, coolDownMs: 700, retryAfterMs: 10 }

const patientTimes = { refreshAfterMs: 300_000, refuseAfterMs: 3_600_000, coolDownMs: 300, retryAfterMs: 10 }

const use = useBroker()
let second: Broker
let doors: readonly Http[]
let guard: Guard
/** Learns of keys in its own time, and of revocations from the feed. */
let guardOnFeed: Guard
beforeAll(async () => {
  const { config, ca } = use.running
  const [port, mtlsPort] = [await freePort(), await freePort()]
  second = await startBroker({ ...config, port, mtlsPort }, createLogger('broker', 'silent'))
  const here = { publicUrl: `https://localhost:${port}`, mtlsUrl: `https://localhost:${mtlsPort}` }
  doors = [createHttp(config, ca.certificatePem), createHttp(here, ca.certificatePem)]
  guard = createGuardOf(keysOf([config.publicUrl, here.publicUrl]))
  guardOnFeed = createGuardOf(keysOf([config.publicUrl, here.publicUrl]), onFeed())
  await guardOnFeed.ready()
})
afterAll(async () => {
  await Promise.all([guard, guardOnFeed].map(each => each?.close()))
  await Promise.all((doors ?? []).map(door => door.close()))
  await second?.close()
})

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

interface Issued {
  readonly token: string
  readonly kid: string
  readonly evt: string
  readonly endsMs: number
}

/**
 * The answer of a broker that was not in time: no token is refused by it, and whoever asks again gets one. Counted apart, never
 * ignored; but how many there are says how busy the machine is, and little of rotation.
 */
const busy = 'busy'
const busyAtMost = 0.2

async function ask(door: Http, changes: Record<string, string> = {}): Promise<Issued | string> {
  const detail = { type: 'agent_http', locations: [resourceUri], methods: ['GET'], uri_template: '/orders/{id}' }
  const form = use.running.form({ ttl: String(ttlSeconds), authorization_details: JSON.stringify([detail]), ...changes })
  const answer = await door.token(form, use.running.certificate)
  if (answer.status === 503 && answer.headers['retry-after']) return busy
  if (answer.status !== 200) return `${answer.status} ${answer.text}`
  const token: string = answer.body.access_token
  const { exp, evt } = decodeJwt(token)
  return { token, kid: decodeProtectedHeader(token).kid!, evt: evt as string, endsMs: exp! * 1000 }
}

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
      const got = await ask(doors[(n + i) % 2]!, { task_id: `task-${n}` })
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

/** Positions in the log of what concerns each key, and of each token by its receipt. */
async function readPositions() {
  const [starts, ends, tokens] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()]
  for (const { position, leaf, leafText, body } of await readLog(use.database.admin)) {
    if (leaf.type === 'token.issued') tokens.set(hashLeaf(leafText), position)
    if (['signing_key.created', 'signing_key.activated', 'signing_key.replaced'].includes(leaf.type))
      starts.set(body.kid, position)
    if (leaf.type === 'signing_key.activated') ends.set(body.retiring, position)
    if (leaf.type === 'signing_key.replaced') for (const kid of body.retired) ends.set(kid, position)
  }
  return { starts, ends, tokens }
}

/** Tokens that stand in the log before their key signed, or behind the event with which it stopped. */
async function signedOutOfTurn(issued: readonly Issued[]): Promise<string[]> {
  const { starts, ends, tokens } = await readPositions()
  return issued.flatMap(({ kid, evt }) => {
    const at = tokens.get(evt)
    if (at === undefined) return [`${evt} is not in the log`]
    if (at < starts.get(kid)!) return [`${kid} signed before its time`]
    return at > (ends.get(kid) ?? Number.POSITIVE_INFINITY) ? [`${kid} signed after its time`] : []
  })
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
    expect(await signedOutOfTurn(traffic.issued)).toEqual([])
  })

  test('what a retired key signed is refused as soon as the key set has been read again', async () => {
    const before = (await ask(doors[0]!, { ttl: '300' })) as Issued
    const keys = await use.running.v1('GET', '/v1/keys?limit=200')
    expect(keys.body.items.find(({ kid }: { kid: string }) => kid === before.kid).state).toBe('active')
    const own = createGuardOf(keysOf([use.running.issuer]))
    expect(await complaint(before, own)).toBeUndefined()
    const answer = await use.running.v1('POST', '/v1/keys/rotate', { use: 'signing', alg: 'ES256', now: true })
    expect(answer.body.retired).toContain(before.kid)
    await vi.waitFor(async () => expect(await complaint(before, own)).toBe(`key_unknown of ${before.kid}`), { timeout: 5_000 })
    const after = (await ask(doors[1]!, { ttl: '300' })) as Issued
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
    const before = (await ask(doors[0]!, { ttl: '300' })) as Issued
    expect(await complaint(before, own)).toBeUndefined()
    const readsBefore = reads
    const answer = await use.running.v1('POST', '/v1/keys/rotate', { use: 'signing', alg: 'ES256', now: true })
    expect(answer.body.retired).toContain(before.kid)
    await vi.waitFor(async () => expect(await complaint(before, own)).toBe(`token_revoked of ${before.kid}`), {
      timeout: 1_000,
      interval: 5,
    })
    expect(reads).toBe(readsBefore)
    const after = (await ask(doors[1]!, { ttl: '300' })) as Issued
    await vi.waitFor(async () => expect(await complaint(after, own)).toBeUndefined(), { timeout: 15_000 })
  } finally {
    await own.close()
  }
})

describe('F13: a token that is being made while its key is retired', () => {
  const holdHead = async () => {
    const holder = await use.database.admin.reserve()
    await holder`begin`
    await holder`select size from log.head where id = 1 for update`
    return {
      /** Until so many sessions wait for the head. */
      until: (count: number) =>
        vi.waitFor(
          async () => {
            const [row] = await use.database.admin<{ n: number }[]>`
              select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
            expect(row!.n).toBe(count)
          },
          { timeout: 2_000, interval: 5 },
        ),
      async free() {
        await holder`commit`
        holder.release()
      },
    }
  }
  const replace = () => use.running.v1('POST', '/v1/keys/rotate', { use: 'signing', alg: 'ES256', now: true })

  test('is made again by the new key when the rotation is committed first', async () => {
    // So that the decision needs no more reading and is made by the key that is about to be retired.
    const before = (await ask(doors[0]!, { task_id: 'race' })) as Issued
    const head = await holdHead()
    const replacing = replace()
    await head.until(1)
    const asking = ask(doors[0]!, { task_id: 'race' })
    await head.until(2)
    await head.free()
    const [replaced, asked] = [(await replacing).body, (await asking) as Issued]
    expect(replaced.retired).toContain(before.kid)
    expect(asked.kid).toBe(replaced.keys[0].kid)
    expect(await signedOutOfTurn([before, asked])).toEqual([])
  })

  test('stands before the rotation in the log when it was committed first', async () => {
    const before = (await ask(doors[0]!, { task_id: 'race' })) as Issued
    const head = await holdHead()
    const asking = ask(doors[0]!, { task_id: 'race' })
    await head.until(1)
    const replacing = replace()
    await head.until(2)
    await head.free()
    const [asked, replaced] = [(await asking) as Issued, (await replacing).body]
    expect(asked.kid).toBe(before.kid)
    expect(replaced.retired).toContain(asked.kid)
    expect(await signedOutOfTurn([before, asked])).toEqual([])
  })
})

test('F13: a broker that heard of nothing signs nothing with a retired key', async () => {
  const directory = second.deps.directory
  const deaf = vi.spyOn(directory, 'invalidate').mockImplementation(() => {})
  try {
    const before = (await ask(doors[1]!)) as Issued
    await use.running.v1('POST', '/v1/keys/rotate', { use: 'signing', alg: 'ES256', now: true })
    const snapshot = await directory.resolve(undefined)
    expect(snapshot!.signers.get('ES256')!.kid).toBe(before.kid)
    const after = (await ask(doors[1]!)) as Issued
    expect(after.kid).not.toBe(before.kid)
    expect(await signedOutOfTurn([before, after])).toEqual([])
  } finally {
    deaf.mockRestore()
  }
})

test('F13: a broker that heard of nothing and issues nothing shows a new key soon all the same', async () => {
  const { directory } = second.deps
  await directory.resolve(undefined)
  const deaf = vi.spyOn(directory, 'invalidate').mockImplementation(() => {})
  const { body } = await use.running.v1('POST', '/v1/keys/rotate', { use: 'signing', alg: 'RS256', now: true })
  const shown = async () => (await directory.resolve(undefined))!.jwks.keys.map(({ kid }) => kid)
  expect(await shown()).not.toContain(body.keys[0].kid)
  deaf.mockRestore()
  await directory.compareEpochs()
  expect(await shown()).toContain(body.keys[0].kid)
})

// The guard on the revocation feed, against a broker that a test holds in its hand.

import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { entryOf, FakeFeed } from '../../test/fake-feed.ts'
import { type Authority, json, newAuthority } from '../../test/tls.ts'
import { createGuard, type Guard, type GuardOptions } from '../src/index.ts'
import { claimsWith, jwks, reasonOf, requestWith, resource, signToken } from './issuer.ts'

const credential = 'mfr_secret-of-this-resource'

let authority: Authority
let feed: FakeFeed
const guards: Guard[] = []
const warnings: string[] = []

beforeAll(async () => {
  authority = await newAuthority()
})
beforeEach(async () => {
  feed = await FakeFeed.start(authority)
})
afterEach(async () => {
  await Promise.all(guards.splice(0).map(guard => guard.close()))
  await feed.close()
  warnings.length = 0
})

function guardOn(change: Partial<GuardOptions> = {}): Guard {
  const guard = createGuard({
    issuer: feed.origin,
    resource,
    credential,
    jwks,
    tls: { ca: authority.pem },
    timeoutMs: 500,
    report: false,
    onWarning: (_message, code) => warnings.push(code),
    ...change,
  })
  guards.push(guard)
  return guard
}

/** A good token of now, and what a guard says of it. */
function newToken(change: object = {}) {
  const seconds = Math.floor(Date.now() / 1000)
  const claims = claimsWith({ iss: feed.origin, iat: seconds, exp: seconds + 300, ...change })
  const request = requestWith(signToken(claims))
  return { claims, ask: async (guard: Guard) => reasonOf(await guard.verify(request)) }
}

const until = (check: () => unknown) => vi.waitFor(check, { timeout: 5000, interval: 5 })
const following = (guard: Guard) => until(() => expect(feed.streams.size).toBe(guards.length)).then(() => guard)
const epochOf = (guard: Guard) => guard.stats().feed?.epoch

describe('a token is refused once the feed has told', () => {
  test.each<[string, (claims: Record<string, unknown>) => [string, string, number?], object?]>([
    ['its account, by a later generation', c => ['a', c['account_id'] as string, 2]],
    [
      'its tree, for a descendant whatever its generation',
      c => ['x', c['txn'] as string, 1],
      { account_id: 'acct_child', gen: 9 },
    ],
    ['its tree, for an earlier token of the root', c => ['x', c['txn'] as string, 2]],
    ['itself', c => ['j', c['jti'] as string]],
    ['its agent', c => ['c', c['client_id'] as string, 2]],
    [
      'an agent above its own',
      () => ['c', 'agt_above', 2],
      { act: { sub: 'agt_1', act: { sub: 'agt_between', act: { sub: 'agt_above' } } } },
    ],
    ['the key that signed it', () => ['k', 'k1']],
    ['its tenant', c => ['t', c['iss'] as string, 2]],
  ])('of %s', async (_what, entry, change) => {
    const guard = await following(guardOn())
    const { claims, ask } = newToken(change)
    expect(await ask(guard)).toBe('allowed')
    const epoch = feed.revoke(...entry(claims))
    await until(() => expect(epochOf(guard)).toBe(epoch))
    expect(await ask(guard)).toBe('401 token_revoked')
    // And so is one that finds it in the snapshot.
    const other = guardOn()
    expect(await ask(other)).toBe('401 token_revoked')
  })

  test.each<[string, string, (claims: Record<string, unknown>) => string, number]>([
    ['the account, at the generation that still counts', 'a', c => c['account_id'] as string, 1],
    ['the tree, for the root at that generation', 'x', c => c['txn'] as string, 1],
    ['the agent, under the configuration that still counts', 'c', c => c['client_id'] as string, 1],
    ['another account', 'a', () => 'acct_2', 9],
    ['an agent of the name of the account', 'c', c => c['account_id'] as string, 9],
  ])('but not when it is about %s', async (_what, kind, value, least) => {
    const guard = await following(guardOn())
    const { claims, ask } = newToken()
    const epoch = feed.revoke(kind, value(claims), least)
    await until(() => expect(epochOf(guard)).toBe(epoch))
    expect(await ask(guard)).toBe('allowed')
  })

  test('and a weaker entry about the same takes nothing back', async () => {
    const guard = await following(guardOn())
    const { claims, ask } = newToken()
    feed.revoke('c', claims['client_id'] as string, 2)
    feed.revoke('j', claims['jti'] as string)
    const epoch = feed.publish(entryOf('c', claims['client_id'] as string, 1, Math.floor(Date.now() / 1000) + 60))
    await until(() => expect(epochOf(guard)).toBe(epoch))
    expect(await ask(guard)).toBe('401 token_revoked')
  })

  test('while its body still comes: trickling keeps nothing alive', async () => {
    const guard = await following(guardOn())
    const digest = '6etJWsy84qDpW74Hm5-eQsyuIDccFRbj7TA20qeHz1M'
    const detail = {
      content_digest: digest,
      locations: [resource],
      methods: ['POST'],
      type: 'agent_http',
      uri_template: '/payments',
    }
    const { claims } = newToken({ authorization_details: [detail] })
    const verdict = await guard.verify({
      ...requestWith(signToken(claims)),
      method: 'POST',
      url: '/v1/payments',
      body: async () => {
        const epoch = feed.revoke('j', claims['jti'] as string)
        await until(() => expect(epochOf(guard)).toBe(epoch))
        return '{"amount":"10.00"}'
      },
    })
    expect(reasonOf(verdict)).toBe('401 token_revoked')
  })
})

describe('the guard keeps up', () => {
  test('and says so: at once, with name, instance and place', async () => {
    const guard = await following(guardOn({ revocation: { mode: 'feed', name: 'orders-1' } }))
    await until(() => expect(feed.acknowledged).toHaveLength(1))
    const epoch = feed.revoke('a', 'acct_9', 2)
    await until(() => expect(feed.acknowledged.at(-1)?.epoch).toBe(epoch))
    expect(feed.acknowledged.at(-1)).toEqual({ guard: 'orders-1', instance: expect.any(String), shard: feed.shard, epoch })
    await until(() => expect(guard.stats().feed?.acknowledgedEpoch).toBe(epoch))
    expect(feed.snapshotsTaken[0]?.headers.authorization).toBe(`Bearer ${credential}`)
    expect(feed.streamsOpened[0]?.headers.authorization).toBe(`Bearer ${credential}`)
  })

  test('with a hundred frames in one burst, acknowledging few of them, the last among them', async () => {
    const guard = await following(guardOn())
    for (let i = 0; i < 100; i += 1) feed.revoke('a', `acct_${i}`, 2)
    await until(() => expect(feed.acknowledged.at(-1)?.epoch).toBe(100))
    expect(epochOf(guard)).toBe(100)
    expect(feed.acknowledged.length).toBeLessThan(10)
    expect(guard.stats().feed).toMatchObject({ gaps: 0, snapshots: 1, entries: 100, fresh: true })
  })

  test.each<['end' | 'destroy']>([['end'], ['destroy']])(
    'after a connection that was cut (%s), from where it stopped',
    async how => {
      const guard = await following(guardOn())
      const { claims, ask } = newToken()
      feed.cut(how)
      feed.revoke('j', claims['jti'] as string)
      await until(() => expect(epochOf(guard)).toBe(1))
      expect(await ask(guard)).toBe('401 token_revoked')
      expect(feed.snapshotsTaken).toHaveLength(1)
      expect(feed.streamsOpened.at(-1)?.path).toBe(`/v1/feed?since=${feed.shard}.0`)
    },
  )

  test('by a new snapshot where a frame is missing', async () => {
    const guard = await following(guardOn())
    const { claims, ask } = newToken()
    feed.isTelling = false
    feed.revoke('j', claims['jti'] as string)
    feed.isTelling = true
    feed.revoke('a', 'acct_9', 2)
    await until(() => expect(epochOf(guard)).toBe(2))
    expect(await ask(guard)).toBe('401 token_revoked')
    expect(guard.stats().feed).toMatchObject({ gaps: 1, snapshots: 2 })
  })

  test('by a new snapshot where heartbeats tell of what never came', async () => {
    const guard = await following(guardOn())
    const { claims, ask } = newToken()
    feed.isTelling = false
    feed.revoke('j', claims['jti'] as string)
    await until(() => expect(epochOf(guard)).toBe(1))
    expect(await ask(guard)).toBe('401 token_revoked')
    expect(guard.stats().feed?.gaps).toBe(1)
  })

  test.each([
    ['is no JSON', 'event: entries\nid: SHARD.1\ndata: {\n\n'],
    [
      'has an entry of a kind that it does not know',
      'event: entries\nid: SHARD.1\ndata: {"from":1,"to":1,"entries":["zQ.1.9"]}\n\n',
    ],
    ['has no id', 'event: entries\ndata: {"from":1,"to":1,"entries":[]}\n\n'],
    [
      'is of another shard',
      'event: entries\nid: 00000000-0000-4000-8000-000000000000.1\ndata: {"from":1,"to":1,"entries":[]}\n\n',
    ],
    ['ends before it starts', 'event: entries\nid: SHARD.0\ndata: {"from":1,"to":0,"entries":[]}\n\n'],
    ['is of an unknown type', 'event: news\ndata: {}\n\n'],
    ['is a heartbeat without a time', 'event: heartbeat\ndata: {"epoch":0}\n\n'],
  ])('by a new snapshot after an event that %s', async (_what, text) => {
    const guard = await following(guardOn())
    feed.send(text.replace('SHARD', feed.shard))
    await until(() => expect(feed.snapshotsTaken).toHaveLength(2))
    await until(() => expect(feed.streamsOpened).toHaveLength(2))
    expect(guard.stats().feed).toMatchObject({ epoch: 0, gaps: 1 })
  })

  test('through a restored backup: another shard, and what it knew stays refused', async () => {
    const guard = await following(guardOn())
    const { claims, ask } = newToken()
    feed.revoke('j', claims['jti'] as string)
    await until(() => expect(epochOf(guard)).toBe(1))
    feed.restore()
    await until(() => expect(guard.stats().feed?.shard).toBe(feed.shard))
    expect(epochOf(guard)).toBe(0)
    expect(await ask(guard)).toBe('401 token_revoked')
    expect(await newToken().ask(guard)).toBe('allowed')
  })

  test('behind a proxy that holds the stream back: by snapshots, every few seconds', async () => {
    feed.isBeating = false
    const guard = guardOn()
    const { claims, ask } = newToken()
    expect(await ask(guard)).toBe('allowed')
    feed.isTelling = false
    feed.revoke('j', claims['jti'] as string)
    await until(async () => expect(await ask(guard)).toBe('401 token_revoked'))
    expect(guard.stats().feed?.fresh).toBe(true)
  })
})

describe('the guard lets nobody in where it cannot know', () => {
  test('the first request waits for the first snapshot', async () => {
    expect(await newToken().ask(guardOn())).toBe('allowed')
  })

  test.each<[string, (feed: FakeFeed) => void]>([
    ['there is no feed', feed => (feed.answerInstead = (_, response) => json(response, 404, {}))],
    ['the credential is refused', feed => (feed.answerInstead = (_, response) => json(response, 401, {}))],
    ['the broker is busy', feed => (feed.answerInstead = (_, response) => json(response, 503, {}, { 'retry-after': '1' }))],
    ['it answers with a page', feed => (feed.answerInstead = (_, response) => response.end('<html>'))],
    ['it redirects', feed => (feed.answerInstead = (_, response) => response.writeHead(302, { location: '/' }).end())],
    ['it never answers', feed => (feed.answerInstead = () => {})],
    ['its clock is 6 s ahead', feed => (feed.clockAheadMs = 6000)],
    ['its clock is 6 s behind', feed => (feed.clockAheadMs = -6000)],
    ['the snapshot holds an entry that is none', feed => feed.publish('a.1.2')],
  ])('because %s', async (_what, spoil) => {
    spoil(feed)
    const guard = guardOn()
    const verdict = await guard.verify(requestWith(signToken(newToken().claims)))
    expect(reasonOf(verdict)).toBe('503 revocation_unknown')
    expect(verdict).toMatchObject({ headers: { 'retry-after': '1' }, error: 'temporarily_unavailable' })
    expect(await newToken().ask(guard)).toBe('503 revocation_unknown')
    expect(warnings).toEqual(['feed_stale'])
    // Junk is still told that it is junk.
    expect(reasonOf(await guard.verify(requestWith('x.y.z')))).toBe('401 token_malformed')
  })

  test('because there is more to hold than it may', async () => {
    feed.revoke('a', 'acct_8', 2)
    feed.revoke('a', 'acct_9', 2)
    const guard = guardOn({ revocation: { mode: 'feed', maxEntries: 1 } })
    expect(await newToken().ask(guard)).toBe('503 revocation_unknown')
    expect(guard.stats().feed).toMatchObject({ fresh: false, reason: 'too_many_entries', entries: 1 })
  })

  test('because what it knows has grown too old; and comes back by itself', async () => {
    const guard = await following(guardOn({ revocation: { mode: 'feed', maxStaleSeconds: 2 } }))
    const { ask } = newToken()
    expect(await ask(guard)).toBe('allowed')
    feed.answerInstead = (_, response) => response.destroy()
    feed.cut()
    await until(async () => expect(await ask(guard)).toBe('503 revocation_unknown'))
    expect(guard.stats().feed).toMatchObject({ fresh: false, reason: 'not_connected', lastFailure: 0 })
    feed.answerInstead = undefined
    await until(async () => expect(await ask(guard)).toBe('allowed'))
    expect(warnings).toEqual(['stale', 'back'].map(word => `feed_${word}`))
  })

  test('because it was closed', async () => {
    const guard = await following(guardOn())
    await guard.close()
    expect(await newToken().ask(guard)).toBe('503 revocation_unknown')
    await until(() => expect(feed.streams.size).toBe(0))
  })
})

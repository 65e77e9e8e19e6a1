// The guard on the revocation feed, against a broker that a test holds in its hand.

import { describe, expect, test } from 'vitest'
import { entryOf, type FakeFeed } from '../../test/fake-feed.ts'
import { json } from '../../test/tls.ts'
import { credential, epochOf, until, useFeed } from './feed-world.ts'
import { reasonOf, requestWith, resource, signToken } from './issuer.ts'

const world = useFeed()

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
    const guard = await world.following()
    const { claims, ask } = world.token(change)
    expect(await ask(guard)).toBe('allowed')
    const epoch = world.feed.revoke(...entry(claims))
    await until(() => expect(epochOf(guard)).toBe(epoch))
    expect(await ask(guard)).toBe('401 token_revoked')
    // And so is one that finds it in the snapshot.
    const other = world.guard()
    expect(await ask(other)).toBe('401 token_revoked')
  })

  test.each<[string, string, (claims: Record<string, unknown>) => string, number]>([
    ['the account, at the generation that still counts', 'a', c => c['account_id'] as string, 1],
    ['the tree, for the root at that generation', 'x', c => c['txn'] as string, 1],
    ['the agent, under the configuration that still counts', 'c', c => c['client_id'] as string, 1],
    ['another account', 'a', () => 'acct_2', 9],
    ['an agent of the name of the account', 'c', c => c['account_id'] as string, 9],
  ])('but not when it is about %s', async (_what, kind, value, least) => {
    const guard = await world.following()
    const { claims, ask } = world.token()
    const epoch = world.feed.revoke(kind, value(claims), least)
    await until(() => expect(epochOf(guard)).toBe(epoch))
    expect(await ask(guard)).toBe('allowed')
  })

  test('and a weaker entry about the same takes nothing back', async () => {
    const guard = await world.following()
    const { claims, ask } = world.token()
    world.feed.revoke('c', claims['client_id'] as string, 2)
    world.feed.revoke('j', claims['jti'] as string)
    const epoch = world.feed.publish(entryOf('c', claims['client_id'] as string, 1, Math.floor(Date.now() / 1000) + 60))
    await until(() => expect(epochOf(guard)).toBe(epoch))
    expect(await ask(guard)).toBe('401 token_revoked')
  })

  test('while its body still comes: trickling keeps nothing alive', async () => {
    const guard = await world.following()
    const digest = '6etJWsy84qDpW74Hm5-eQsyuIDccFRbj7TA20qeHz1M'
    const detail = {
      content_digest: digest,
      locations: [resource],
      methods: ['POST'],
      type: 'agent_http',
      uri_template: '/payments',
    }
    const { claims } = world.token({ authorization_details: [detail] })
    const verdict = await guard.verify({
      ...requestWith(signToken(claims)),
      method: 'POST',
      url: '/v1/payments',
      body: async () => {
        const epoch = world.feed.revoke('j', claims['jti'] as string)
        await until(() => expect(epochOf(guard)).toBe(epoch))
        return '{"amount":"10.00"}'
      },
    })
    expect(reasonOf(verdict)).toBe('401 token_revoked')
  })
})

describe('the guard keeps up', () => {
  test('and says so: at once, with name, instance and place', async () => {
    const guard = await world.following({ revocation: { mode: 'feed', name: 'orders-1' } })
    await until(() => expect(world.feed.acknowledged).toHaveLength(1))
    const epoch = world.feed.revoke('a', 'acct_9', 2)
    await until(() => expect(world.feed.acknowledged.at(-1)?.epoch).toBe(epoch))
    expect(world.feed.acknowledged.at(-1)).toEqual({
      guard: 'orders-1',
      instance: expect.any(String),
      shard: world.feed.shard,
      epoch,
    })
    await until(() => expect(guard.stats().feed?.acknowledgedEpoch).toBe(epoch))
    expect(world.feed.snapshotsTaken[0]?.headers.authorization).toBe(`Bearer ${credential}`)
    expect(world.feed.streamsOpened[0]?.headers.authorization).toBe(`Bearer ${credential}`)
  })

  test('with a hundred frames in one burst, acknowledging few of them, the last among them', async () => {
    const guard = await world.following()
    for (let i = 0; i < 100; i += 1) world.feed.revoke('a', `acct_${i}`, 2)
    await until(() => expect(world.feed.acknowledged.at(-1)?.epoch).toBe(100))
    expect(epochOf(guard)).toBe(100)
    expect(world.feed.acknowledged.length).toBeLessThan(10)
    expect(guard.stats().feed).toMatchObject({ gaps: 0, snapshots: 1, entries: 100, fresh: true })
  })

  test.each<['end' | 'destroy']>([['end'], ['destroy']])(
    'after a connection that was cut (%s), from where it stopped',
    async how => {
      const guard = await world.following()
      const { claims, ask } = world.token()
      world.feed.cut(how)
      world.feed.revoke('j', claims['jti'] as string)
      await until(() => expect(epochOf(guard)).toBe(1))
      expect(await ask(guard)).toBe('401 token_revoked')
      expect(world.feed.snapshotsTaken).toHaveLength(1)
      expect(world.feed.streamsOpened.at(-1)?.path).toBe(`/v1/feed?since=${world.feed.shard}.0`)
    },
  )

  test('by a new snapshot where a frame is missing', async () => {
    const guard = await world.following()
    const { claims, ask } = world.token()
    world.feed.isTelling = false
    world.feed.revoke('j', claims['jti'] as string)
    world.feed.isTelling = true
    world.feed.revoke('a', 'acct_9', 2)
    await until(() => expect(epochOf(guard)).toBe(2))
    expect(await ask(guard)).toBe('401 token_revoked')
    expect(guard.stats().feed).toMatchObject({ gaps: 1, snapshots: 2 })
  })

  test('by a new snapshot where heartbeats tell of what never came', async () => {
    const guard = await world.following()
    const { claims, ask } = world.token()
    world.feed.isTelling = false
    world.feed.revoke('j', claims['jti'] as string)
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
    const guard = await world.following()
    world.feed.send(text.replace('SHARD', world.feed.shard))
    await until(() => expect(world.feed.snapshotsTaken).toHaveLength(2))
    await until(() => expect(world.feed.streamsOpened).toHaveLength(2))
    expect(guard.stats().feed).toMatchObject({ epoch: 0, gaps: 1 })
  })

  test('through a restored backup: another shard, and what it knew stays refused', async () => {
    const guard = await world.following()
    const { claims, ask } = world.token()
    world.feed.revoke('j', claims['jti'] as string)
    await until(() => expect(epochOf(guard)).toBe(1))
    world.feed.restore()
    await until(() => expect(guard.stats().feed?.shard).toBe(world.feed.shard))
    expect(epochOf(guard)).toBe(0)
    expect(await ask(guard)).toBe('401 token_revoked')
    expect(await world.token().ask(guard)).toBe('allowed')
  })

  test.each([
    ['the stream', true],
    ['even its head', false],
  ])('behind a proxy that holds %s back: by snapshots, every few seconds', async (_what, isOpening) => {
    Object.assign(world.feed, { isBeating: false, isOpening })
    const guard = await world.following()
    const { claims, ask } = world.token()
    expect(await ask(guard)).toBe('allowed')
    world.feed.isTelling = false
    world.feed.revoke('j', claims['jti'] as string)
    // What the broker writes at once on connecting does not come through either.
    world.feed.isCatchingUp = false
    await until(async () => expect(await ask(guard)).toBe('401 token_revoked'))
    expect(guard.stats().feed).toMatchObject({ fresh: true, snapshots: 2 })
  })
})

describe('the guard lets nobody in where it cannot know', () => {
  test('the first request waits for the first snapshot', async () => {
    expect(await world.token().ask(world.guard())).toBe('allowed')
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
    spoil(world.feed)
    const guard = world.guard()
    const verdict = await guard.verify(requestWith(signToken(world.token().claims)))
    expect(reasonOf(verdict)).toBe('503 revocation_unknown')
    expect(verdict).toMatchObject({ headers: { 'retry-after': '1' }, error: 'temporarily_unavailable' })
    expect(await world.token().ask(guard)).toBe('503 revocation_unknown')
    expect(world.warnings).toEqual(['feed_stale'])
    // Junk is still told that it is junk.
    expect(reasonOf(await guard.verify(requestWith('x.y.z')))).toBe('401 token_malformed')
  })

  test('because there is more to hold than it may', async () => {
    world.feed.revoke('a', 'acct_8', 2)
    world.feed.revoke('a', 'acct_9', 2)
    const guard = world.guard({ revocation: { mode: 'feed', maxEntries: 1 } })
    expect(await world.token().ask(guard)).toBe('503 revocation_unknown')
    expect(guard.stats().feed).toMatchObject({ fresh: false, reason: 'too_many_entries', entries: 1 })
    // Until some of it has ended.
    world.feed.entries.pop()
    await until(() => expect(guard.stats().feed?.fresh).toBe(true))
  })

  test('because what it knows has grown too old; and comes back by itself', async () => {
    const guard = await world.following({ revocation: { mode: 'feed', maxStaleSeconds: 2 } })
    const { ask } = world.token()
    expect(await ask(guard)).toBe('allowed')
    world.feed.answerInstead = (_, response) => response.destroy()
    world.feed.cut()
    await until(async () => expect(await ask(guard)).toBe('503 revocation_unknown'))
    expect(guard.stats().feed).toMatchObject({ fresh: false, reason: 'not_connected', lastFailure: 0 })
    world.feed.answerInstead = undefined
    await until(async () => expect(await ask(guard)).toBe('allowed'))
    expect(world.warnings).toEqual(['stale', 'back'].map(word => `feed_${word}`))
  })

  test('because its clock was wrong: and once it is right again, all that was revoked meanwhile is refused', async () => {
    let offMs = 3_600_000
    const guard = world.guard({ clock: () => Date.now() + offMs })
    const { claims, ask } = world.token()
    await guard.ready()
    world.feed.publish(entryOf('j', claims['jti'] as string, undefined, Math.floor(Date.now() / 1000) + 310))
    await until(() => expect(guard.stats().feed).toMatchObject({ fresh: false, reason: 'clock_off', entries: 1 }))
    offMs = 0
    await until(() => expect(guard.stats().feed?.fresh).toBe(true))
    expect(await ask(guard)).toBe('401 token_revoked')
  })

  test('because it was closed', async () => {
    const guard = await world.following()
    await guard.close()
    expect(await world.token().ask(guard)).toBe('503 revocation_unknown')
    await until(() => expect(world.feed.streams.size).toBe(0))
  })
})

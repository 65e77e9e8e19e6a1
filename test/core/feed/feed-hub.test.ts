import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { FakeFeed } from './fake-feed.ts'

const beat = async (fake: FakeFeed): Promise<unknown> => Promise.all(await fake.hub.beat())

describe('a stream', () => {
  test('is brought up to date, told the time, then told of what is new', async () => {
    const fake = new FakeFeed()
    fake.epoch = 5
    const sink = await fake.open(3)
    await expect.poll(() => sink.story).toEqual(['4-5', '♥5'])
    fake.revoke()
    await expect.poll(() => sink.story).toEqual(['4-5', '♥5', '6-6'])
  })

  test('has its heartbeat after what the heartbeat speaks of, also when no notification came', async () => {
    const fake = new FakeFeed()
    const sink = await fake.open(0)
    fake.revoke(3, false)
    await beat(fake)
    expect(sink.story).toEqual(['♥0', '1-3', '♥3'])
    expect(fake.missed).toBe(0)
    await beat(fake)
    expect(fake.missed).toBe(1)
    await beat(fake)
    expect(fake.missed).toBe(1)
  })

  test('hears of what this process has committed without a read, and once, whatever is announced of it later', async () => {
    const fake = new FakeFeed()
    const sink = await fake.open(0)
    const { reads } = fake
    fake.offer(1, 2)
    expect(sink.story).toEqual(['♥0', '1-2'])
    fake.hub.announce('tenant', 2)
    await nextTurn()
    fake.offer(3, 3)
    await expect.poll(() => sink.story).toEqual(['♥0', '1-2', '3-3'])
    expect(fake.reads).toBe(reads)
    fake.revoke()
    await expect.poll(() => sink.story.at(-1)).toBe('4-4')
  })

  test('gets from a read what was committed out of turn, in another shard, or while a read is under way', async () => {
    const fake = new FakeFeed()
    const sink = await fake.open(0)
    fake.offer(2, 2)
    fake.offer(1, 1, 'another')
    await nextTurn()
    expect(sink.story).toEqual(['♥0'])
    const { promise, resolve } = Promise.withResolvers<void>()
    fake.gate = promise
    fake.hub.announce('tenant', 2)
    await nextTurn()
    fake.offer(1, 1)
    fake.offer(1, 3)
    expect(sink.story).toEqual(['♥0'])
    fake.gate = undefined
    resolve()
    await expect.poll(() => sink.story).toEqual(['♥0', '1-2'])
    fake.hub.announce('tenant', 3)
    await expect.poll(() => sink.story).toEqual(['♥0', '1-2', '3-3'])
  })

  test('that joins while entries are on their way gets each of them once', async () => {
    const fake = new FakeFeed()
    const first = await fake.open(0)
    const { promise, resolve } = Promise.withResolvers<void>()
    fake.gate = promise
    fake.revoke(2)
    await nextTurn()
    fake.revoke(2)
    const second = await fake.open(1)
    await nextTurn()
    fake.gate = undefined
    resolve()
    await expect.poll(() => second.story.filter(line => !line.startsWith('♥')).at(-1)).toMatch(/-4$/)
    await expect.poll(() => first.story.at(-1)).toMatch(/-4$/)
    for (const [sink, from] of [
      [first, 0],
      [second, 1],
    ] as const) {
      let at: number = from
      for (const line of sink.story.filter(text => !text.startsWith('♥'))) {
        expect(Number(line.split('-')[0])).toBe(at + 1)
        at = Number(line.split('-')[1])
      }
      expect(at).toBe(4)
    }
  })

  test('is cut off when it leaves a megabyte unread', async () => {
    const fake = new FakeFeed()
    const [slow, quick] = [await fake.open(0), await fake.open(0)]
    slow.unsent = 1024 * 1024 + 1
    fake.revoke()
    await expect.poll(() => [slow.state, quick.state]).toEqual(['cut', 'open'])
    expect(fake.hub.openStreams).toBe(1)
  })

  test.each([
    ['another shard', { shard: 'another' }, 0],
    ['more than there is', {}, 8],
    ['so little that a snapshot is shorter', {}, 0],
  ])('of somebody who knows %s is sent away to take a snapshot', async (_, options, since) => {
    const fake = new FakeFeed()
    fake.epoch = since === 0 ? 30_000 : 7
    const sink = await fake.open(since, options)
    expect(sink.story).toEqual(['reset'])
    expect(sink.state).toBe('ended')
    expect(fake.hub.openStreams).toBe(0)
  })
})

describe('all streams', () => {
  test('are read for once, however many they are and however many notifications come', async () => {
    const fake = new FakeFeed()
    const sinks = await Promise.all(Array.from({ length: 50 }, () => fake.open(0)))
    fake.reads = 0
    for (let count = 0; count < 100; count++) fake.revoke()
    await expect.poll(() => sinks.every(sink => sink.story.at(-1)?.endsWith('-100'))).toBe(true)
    expect(fake.reads).toBeLessThanOrEqual(2)
  })

  test('that come back at once, each with another epoch, are served by one read, in order and without a gap', async () => {
    const fake = new FakeFeed()
    fake.epoch = 40
    const { promise, resolve } = Promise.withResolvers<void>()
    fake.gate = promise
    const first = await fake.open(39)
    await nextTurn()
    const others = await Promise.all(Array.from({ length: 30 }, (_, since) => fake.open(since)))
    resolve()
    await expect
      .poll(() => [first, ...others].map(({ story }) => story))
      .toEqual([['40-40', '♥40'], ...others.map((_, since) => [`${since + 1}-40`, '♥40'])])
    expect(fake.reads).toBe(2)
  })

  test('that missed much get it as they take it, out of one copy; who takes nothing is cut off', async () => {
    const fake = new FakeFeed(2_000)
    fake.epoch = 20_000
    const heap = process.memoryUsage().arrayBuffers
    const sinks = await Promise.all(Array.from({ length: 200 }, () => fake.open(0)))
    for (const sink of sinks) sink.unsent = 64 * 1024 + 1
    await expect.poll(() => sinks[199]!.text.length).toBeGreaterThan(0)
    expect(sinks.every(({ text }) => text.length < 20_000)).toBe(true)
    expect(process.memoryUsage().arrayBuffers - heap).toBeLessThan(10_000_000)
    sinks[0]!.unsent = 0
    await expect.poll(() => sinks[0]!.story.at(-1)).toBe('♥20000')
    expect(sinks[0]!.story).toHaveLength(21)
  })

  test('end within the check after two seconds in which the database could not be read, and not before', async () => {
    const fake = new FakeFeed()
    const sink = await fake.open(0)
    fake.isDown = true
    fake.nowMs += 1_700
    await expect(fake.hub.beat()).rejects.toThrow()
    fake.hub.closeStale()
    expect(sink.state).toBe('open')
    fake.nowMs += 200
    fake.hub.closeStale()
    expect(sink.state).toBe('ended')
    expect(fake.ended).toEqual(['stale'])
    await expect(fake.open(0)).rejects.toMatchObject({ code: 'feed_unavailable' })
  })

  test('end when heads can be read but entries cannot: nobody is called up to date who may miss something', async () => {
    const fake = new FakeFeed()
    const sink = await fake.open(0)
    const hung = Promise.withResolvers<void>()
    fake.gate = hung.promise
    fake.revoke()
    for (let second = 0; second < 3; second++) {
      fake.nowMs += 1_000
      void fake.hub.beat()
      await nextTurn()
      fake.hub.closeStale()
    }
    expect(sink.state).toBe('ended')
    expect(sink.story).toEqual(['♥0'])
    hung.resolve()
  })

  test('of one tenant have their heartbeat though another tenant’s feed cannot be read', async () => {
    const fake = new FakeFeed()
    const other = await fake.open(0, { tenantId: 'other' })
    await fake.open(0)
    fake.gate = new Promise(() => {})
    fake.revoke(1, false)
    fake.heads.set('other', 0)
    await fake.hub.beat()
    await expect.poll(() => other.story).toEqual(['♥0', '♥0'])
  })

  test('take a new snapshot when the database comes back with another shard, or knows less than it did', async () => {
    for (const change of [
      (fake: FakeFeed) => {
        fake.shard = 'restored'
      },
      (fake: FakeFeed) => {
        fake.epoch = 3
      },
    ]) {
      const fake = new FakeFeed()
      fake.epoch = 5
      const sink = await fake.open(5)
      change(fake)
      await beat(fake)
      expect(sink.story.at(-1)).toBe('reset')
      expect(sink.state).toBe('ended')
    }
  })

  test('are told nothing of a database that knows less than it did where the process must be silent from then on', async () => {
    const fake = new FakeFeed()
    fake.epoch = 5
    const sink = await fake.open(5)
    fake.onForgotten = async () => {
      await nextTurn()
      fake.hub.close()
    }
    fake.epoch = 3
    await beat(fake)
    expect(sink.story).not.toContain('reset')
    expect(sink.state).toBe('ended')
    // Nor is one that comes, and knows more than the database.
    const another = new FakeFeed()
    another.epoch = 3
    another.onForgotten = async () => another.hub.close()
    await expect(another.open(5)).rejects.toMatchObject({ code: 'feed_unavailable' })
    expect((await new FakeFeed().open(5)).story).toEqual(['reset'])
  })

  test('of credentials that have ended are closed', async () => {
    const fake = new FakeFeed()
    const [stays, goes] = [await fake.open(0), await fake.open(0, { credentialId: 'revoked' })]
    await fake.hub.dropEnded()
    expect([stays.state, goes.state]).toEqual(['open', 'ended'])
  })

  test('are told when to come back when the process ends, and none is opened any more', async () => {
    const fake = new FakeFeed()
    const sink = await fake.open(0)
    fake.hub.close()
    expect(sink.story.at(-1)).toBe('retry')
    await expect(fake.open(0)).rejects.toMatchObject({ code: 'feed_unavailable' })
  })
})

describe('places', () => {
  test('are so many and no more', async () => {
    const fake = new FakeFeed(2)
    const first = await fake.open(0)
    await fake.open(0)
    await expect(fake.open(0)).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 5 })
    first.onClosed()
    await fake.open(0)
  })

  test('are not given twice to those who ask at the same time', async () => {
    const fake = new FakeFeed(1)
    const results = await Promise.allSettled([fake.open(0), fake.open(0), fake.open(0)])
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(fake.hub.openStreams).toBe(1)
  })

  test('are shared between resources when there are too few', async () => {
    const fake = new FakeFeed(3)
    const greedy = [await fake.open(0), await fake.open(0), await fake.open(0)]
    const other = await fake.open(0, { resourceId: 'other' })
    expect(greedy.map(({ state }) => state)).toEqual(['open', 'open', 'ended'])
    expect(other.state).toBe('open')
    expect(fake.ended).toEqual(['displaced'])
  })
})

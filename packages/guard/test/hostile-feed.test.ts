// The guard on a feed that a broken broker, or a proxy between, makes unreadable: it must neither be let down for ever nor hammer.

import { describe, expect, test, vi } from 'vitest'
import { json } from '../../test/tls.ts'
import { RevocationIndex } from '../src/feed/revocation-index.ts'
import { epochOf, until, useFeed } from './feed-world.ts'

const world = useFeed()

describe('the guard finds back', () => {
  test('by a new snapshot after a line that is none of an event', async () => {
    await world.following()
    world.feed.send('x\n\n')
    await until(() => expect(world.feed.streamsOpened).toHaveLength(2))
    expect(world.feed.snapshotsTaken).toHaveLength(2)
  })

  test.each<[number, boolean]>([
    [400, true],
    [410, true],
    [401, false],
    [429, false],
    [503, false],
  ])('after a stream that was refused with %i: by a new snapshot: %s', async (status, isNew) => {
    const guard = await world.following()
    let refused = 0
    world.feed.other = ({ path }, response) => {
      if (!path.startsWith('/v1/feed?') || refused > 0) return false
      refused += 1
      json(response, status, {})
      return true
    }
    world.feed.cut()
    await until(() => expect(world.feed.streams.size).toBe(1))
    expect(refused).toBe(1)
    expect(guard.stats().feed).toMatchObject({ snapshots: isNew ? 2 : 1, lastFailure: status })
  })

  test('and asks ever less often where each stream begins well and ends at once', async () => {
    const beat = () => `event: heartbeat\ndata: ${JSON.stringify({ epoch: 0, time: Date.now() })}\n\n`
    world.feed.other = ({ path }, response) => {
      if (!path.startsWith('/v1/feed?')) return false
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      response.end(`${beat()}event: news\ndata: {}\n\n`)
      return true
    }
    const guard = world.guard()
    const from = performance.now()
    await until(() => expect(guard.stats().feed?.gaps).toBeGreaterThanOrEqual(6))
    // Five pauses, each of at least half of 100 ms, 200 ms and so on.
    expect(performance.now() - from).toBeGreaterThan(1500)
    expect(guard.stats().feed?.fresh).toBe(true)
  })

  test('after a snapshot whose place could not be asked from', async () => {
    world.feed.shard = '\ud800'
    const guard = world.guard()
    expect(await world.token().ask(guard)).toBe('503 revocation_unknown')
    world.feed.restore()
    await until(async () => expect(await world.token().ask(guard)).toBe('allowed'))
  })
})

test('a heap of heartbeats at once is not a heap of rounds of forgetting', async () => {
  world.feed.isBeating = false
  const guard = await world.following()
  const rounds = vi.spyOn(RevocationIndex.prototype, 'forgetEnded')
  for (let i = 0; i < 50; i += 1) world.feed.beat()
  const epoch = world.feed.revoke('a', 'acct_9', 2)
  await until(() => expect(epochOf(guard)).toBe(epoch))
  expect(rounds).toHaveBeenCalledTimes(1)
  rounds.mockRestore()
})

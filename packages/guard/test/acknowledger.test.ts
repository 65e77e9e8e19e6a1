import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Acknowledger } from '../src/feed/acknowledger.ts'
import type { Position } from '../src/feed/messages.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const position = (epoch: number): Position => ({ shard: 's', epoch })

function start(status = 204, random = () => 0) {
  const sent: { epoch: number; atMs: number }[] = []
  const acknowledger = new Acknowledger(
    async ({ epoch }) => {
      sent.push({ epoch, atMs: Date.now() - began })
      return status
    },
    () => Date.now(),
    random,
  )
  const began = Date.now()
  return { acknowledger, sent }
}

test('the first word goes out after a moment, and every 30 s a sign of life', async () => {
  const { acknowledger, sent } = start()
  acknowledger.applied(position(1))
  await vi.advanceTimersByTimeAsync(65_000)
  expect(sent.map(({ atMs }) => atMs)).toEqual([20, 30_020, 60_020])
  acknowledger.close()
})

test('news that does not end is told of all the same: soon at first, then once a second, the newest each time', async () => {
  const { acknowledger, sent } = start()
  for (let epoch = 1; epoch <= 1_000; epoch++) {
    acknowledger.applied(position(epoch))
    await vi.advanceTimersByTimeAsync(10)
  }
  expect(sent.slice(0, 4).map(({ atMs }) => atMs)).toEqual([20, 220, 620, 1_420])
  expect(sent.length).toBeLessThan(15)
  for (const { epoch, atMs } of sent) expect(atMs - 10 * epoch).toBeLessThanOrEqual(10)
  await vi.advanceTimersByTimeAsync(1_100)
  expect(sent.at(-1)!.epoch).toBe(1_000)
  acknowledger.close()
})

test('after a rest the first word is quick again', async () => {
  const { acknowledger, sent } = start()
  for (const epoch of [1, 2, 3]) {
    acknowledger.applied(position(epoch))
    await vi.advanceTimersByTimeAsync(5_000)
  }
  expect(sent.map(({ atMs }) => atMs)).toEqual([20, 5_020, 10_020])
  acknowledger.close()
})

test('what the broker could not take is sent again', async () => {
  const { acknowledger, sent } = start(503)
  acknowledger.applied(position(1))
  await vi.advanceTimersByTimeAsync(3_100)
  expect(sent.map(({ epoch }) => epoch)).toEqual([1, 1, 1, 1])
  expect(acknowledger.acknowledged).toBeUndefined()
  acknowledger.close()
})

test('guards that hear of the same do not say so at the same moment', async () => {
  const all = [0, 0.25, 0.999].map(each => start(204, () => each))
  for (const { acknowledger } of all) acknowledger.applied(position(1))
  await vi.advanceTimersByTimeAsync(200)
  expect(all.map(({ sent }) => sent.map(({ atMs }) => atMs))).toEqual([[20], [30], [59]])
  for (const { acknowledger } of all) acknowledger.close()
})

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Wakes } from '#core/ssf/wakes.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

const never = new AbortController().signal
/** Whether the promise is settled by now. */
async function isOver(promise: Promise<void>): Promise<boolean> {
  let over = false
  void promise.then(() => {
    over = true
  })
  await vi.advanceTimersByTimeAsync(0)
  return over
}

describe('who waits', () => {
  test('is woken by what happens to its tenant alone', async () => {
    const wakes = new Wakes()
    const [one, two, other] = [wakes.wait('a', 1_000, never), wakes.wait('a', 1_000, never), wakes.wait('b', 1_000, never)]
    wakes.wake('a')
    expect([await isOver(one), await isOver(two), await isOver(other)]).toEqual([true, true, false])
    wakes.wake('nobody')
  })

  test('waits no longer than it said, and not at all for whoever has gone', async () => {
    const wakes = new Wakes()
    const gone = new AbortController()
    const [late, left] = [wakes.wait('a', 1_000, never), wakes.wait('a', 1_000, gone.signal)]
    gone.abort()
    expect([await isOver(late), await isOver(left)]).toEqual([false, true])
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await isOver(late)).toBe(true)
    expect(await isOver(wakes.wait('a', 1_000, gone.signal))).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('is sent away when the broker stops, and so is who comes then', async () => {
    const wakes = new Wakes()
    const waiting = wakes.wait('a', 1_000, never)
    wakes.close()
    expect([await isOver(waiting), await isOver(wakes.wait('b', 1_000, never)), wakes.isClosed]).toEqual([true, true, true])
    expect(vi.getTimerCount()).toBe(0)
  })
})

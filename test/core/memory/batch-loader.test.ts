import { afterEach, describe, expect, test, vi } from 'vitest'
import { BatchLoader } from '#core/memory/batch-loader.ts'

afterEach(() => vi.useRealTimers())

/** A load that the test answers by hand. */
function byHand() {
  const calls: { keys: readonly number[]; answer: (values: [number, string][]) => void; fail: (error: Error) => void }[] = []
  const loader = new BatchLoader<number, string>(keys => {
    const { promise, resolve, reject } = Promise.withResolvers<Map<number, string>>()
    calls.push({ keys, answer: values => resolve(new Map(values)), fail: reject })
    return promise
  }, 3)
  return { calls, loader, called: (count: number) => vi.waitFor(() => expect(calls).toHaveLength(count)) }
}

describe('look-ups', () => {
  test('of one turn share a round trip, each key once, and each caller gets its own answer', async () => {
    const { calls, loader, called } = byHand()
    const all = Promise.all([loader.load(1), loader.load(2), loader.load(1)])
    await called(1)
    expect(calls[0]!.keys).toEqual([1, 2])
    calls[0]!.answer([[1, 'one']])
    expect(await all).toEqual(['one', undefined, 'one'])
  })

  test('that come while one is under way gather for the next, at most as many as allowed', async () => {
    const { calls, loader, called } = byHand()
    const first = loader.load(0)
    await called(1)
    const rest = [1, 2, 3, 4].map(key => loader.load(key))
    calls[0]!.answer([[0, 'zero']])
    expect(await first).toBe('zero')
    await called(2)
    expect(calls[1]!.keys).toEqual([1, 2, 3])
    calls[1]!.answer([])
    await called(3)
    expect(calls[2]!.keys).toEqual([4])
    calls[2]!.answer([[4, 'four']])
    expect(await Promise.all(rest)).toEqual([undefined, undefined, undefined, 'four'])
  })

  test('that fail fail for their own batch only', async () => {
    const { calls, loader, called } = byHand()
    const first = loader.load(1)
    await called(1)
    const second = loader.load(2)
    calls[0]!.fail(new Error('lost'))
    await expect(first).rejects.toThrow('lost')
    await called(2)
    calls[1]!.answer([[2, 'two']])
    expect(await second).toBe('two')
  })

  test('that hang are refused within a second, and the next ones do not wait behind them', async () => {
    vi.useFakeTimers()
    const { calls, loader } = byHand()
    const hung = loader.load(1)
    const refused = expect(hung).rejects.toMatchObject({ code: 'log_unavailable', retryAfterSeconds: 1 })
    await vi.advanceTimersByTimeAsync(500)
    const behind = expect(loader.load(2)).rejects.toMatchObject({ code: 'log_unavailable' })
    await vi.advanceTimersByTimeAsync(499)
    await refused
    expect(calls).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(500)
    await behind
    const later = loader.load(3)
    await vi.advanceTimersByTimeAsync(1)
    expect(calls.at(-1)!.keys).toEqual([3])
    calls[0]!.answer([[1, 'far too late']])
    calls.at(-1)!.answer([[3, 'three']])
    expect(await later).toBe('three')
  })
})

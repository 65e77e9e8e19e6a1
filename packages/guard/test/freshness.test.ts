import { describe, expect, test } from 'vitest'
import { Freshness, type Moment } from '../src/feed/freshness.ts'

/** A moment on both clocks; the wall clock may be off. */
const at = (seconds: number, wallOffSeconds = 0): Moment => ({
  monotonicMs: seconds * 1000,
  wallMs: (1_000_000 + seconds + wallOffSeconds) * 1000,
})
const database = (seconds: number) => (1_000_000 + seconds) * 1000

describe('what was confirmed', () => {
  test('is fresh up to the bound and not beyond', () => {
    const freshness = new Freshness(10_000)
    expect(freshness.isFresh(at(0))).toBe(false)
    expect(freshness.ageMs(at(0))).toBe(Number.POSITIVE_INFINITY)
    freshness.confirm(database(5), at(5))
    expect([15, 15.001].map(seconds => freshness.isFresh(at(seconds)))).toEqual([true, false])
  })

  test('by a snapshot counts from when it was asked for', () => {
    const freshness = new Freshness(10_000)
    freshness.confirm(database(4), at(5), at(2))
    expect(freshness.ageMs(at(5))).toBe(3000)
  })

  test('by a heartbeat that was held back counts as old as it says', () => {
    const freshness = new Freshness(10_000)
    freshness.confirm(database(5), at(9))
    expect(freshness.ageMs(at(9))).toBe(4000)
  })

  test('later is not made older by what came late', () => {
    const freshness = new Freshness(10_000)
    freshness.confirm(database(5), at(5))
    freshness.confirm(database(2), at(6), at(1))
    expect(freshness.ageMs(at(6))).toBe(1000)
  })

  test('ages by the clock that went further: through sleep, and through a wall clock that is set back', () => {
    const freshness = new Freshness(10_000)
    freshness.confirm(database(5), at(5))
    expect(freshness.isFresh({ monotonicMs: 6000, wallMs: database(60) })).toBe(false)
    expect(freshness.isFresh(at(16, -60))).toBe(false)
    expect(freshness.isFresh(at(14, -60))).toBe(true)
  })

  test.each([
    ['5.1 s ahead', 5.1],
    ['5.1 s behind', -5.1],
    ['no number', Number.NaN],
  ])('with a clock %s counts for nothing', (_what, offSeconds) => {
    const freshness = new Freshness(10_000)
    freshness.confirm(database(5), at(5, offSeconds))
    expect(freshness.isFresh(at(5, offSeconds))).toBe(false)
    expect(freshness.reason).toBe('clock_off')
  })

  test('by no number counts for nothing', () => {
    const freshness = new Freshness(10_000)
    freshness.confirm(Number.NaN, at(5))
    expect(freshness.isFresh(at(5))).toBe(false)
  })

  test('is nothing once it is lost', () => {
    const freshness = new Freshness(10_000)
    freshness.confirm(database(5), at(5))
    freshness.lose('too_many_entries')
    expect(freshness.isFresh(at(5))).toBe(false)
    expect(freshness.reason).toBe('too_many_entries')
  })
})

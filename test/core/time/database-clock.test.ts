import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DatabaseClock } from '#core/time/database-clock.ts'

const base = 1_795_305_600_000

/** A process whose monotonic and wall clocks the test moves, beside a database whose clock is right. */
function simulate(wallErrorMs = 0) {
  const state = { monotonicMs: 5_000, wallErrorMs, databaseErrorMs: 0 }
  const trueMs = () => base + state.monotonicMs
  const clock = new DatabaseClock(
    () => state.monotonicMs,
    () => trueMs() + state.wallErrorMs,
  )
  /** One question: the database reads its clock after `there` ms, the answer arrives `back` ms later. */
  const ask = (there: number, back: number): void => {
    const sent = clock.mark()
    state.monotonicMs += there
    const databaseMs = trueMs() + state.databaseErrorMs
    state.monotonicMs += back
    clock.learn(databaseMs, sent, clock.mark())
  }
  return { state, clock, ask, errorMs: () => clock.nowMs() - trueMs() }
}

describe('the wall clock', () => {
  test.each([600_000, -600_000])('moves nothing when it jumps by %d ms, and the jump is reported as skew', jump => {
    const { state, clock, ask, errorMs } = simulate()
    ask(1, 1)
    state.wallErrorMs = jump
    expect(errorMs()).toBe(0)
    expect(clock.skewMs()).toBe(jump)
    ask(1, 1)
    expect(errorMs()).toBe(0)
  })

  test('is trusted only until the first answer of the database', () => {
    const { clock, ask, errorMs } = simulate(600_000)
    expect(errorMs()).toBe(600_000)
    ask(2, 2)
    expect(errorMs()).toBe(0)
    expect(clock.skewMs()).toBe(600_000)
  })
})

describe('what is learned', () => {
  test('keeps the estimate of the quickest answer over a slower one', () => {
    const { ask, errorMs } = simulate()
    ask(1, 1)
    ask(40, 2)
    expect(errorMs()).toBe(0)
  })

  test('is not bent by an answer that hung for a minute behind the reading of the clock', () => {
    const { state, ask, errorMs } = simulate()
    ask(1, 1)
    state.monotonicMs += 20_000
    ask(0, 60_000)
    expect(Math.abs(errorMs())).toBeLessThan(100)
  })

  test('follows at once when the process stood still and its monotonic clock with it', () => {
    const { state, ask, errorMs } = simulate()
    ask(1, 1)
    state.databaseErrorMs = 3_600_000
    ask(20, 20)
    expect(errorMs()).toBeGreaterThanOrEqual(3_600_000 - 40)
    ask(1, 1)
    expect(errorMs()).toBe(3_600_000)
  })

  test('is never farther off than the slowest answer took, whatever answers come', () => {
    const answers = fc.array(fc.tuple(fc.nat(500), fc.nat(500), fc.nat(30_000)), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(answers, steps => {
        const { state, ask, errorMs } = simulate(600_000)
        let slowest = 0
        for (const [there, back, pause] of steps) {
          ask(there, back)
          slowest = Math.max(slowest, there + back)
          expect(Math.abs(errorMs())).toBeLessThanOrEqual(slowest / 2 + 0.001)
          state.monotonicMs += pause
        }
      }),
    )
  })
})

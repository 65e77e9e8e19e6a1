import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { gapsIn, type History, judge, type Look, type Outcome, type ViolationKind } from './history.ts'

const look = (guard: number, token: number, startedMs: number, outcome: Outcome): Look => ({
  guard,
  token,
  startedMs,
  endedMs: startedMs + 0.1,
  outcome,
})

/** Two guards, three tokens; 0 and 1 are revoked at 100 by epoch 1 and 2, 2 stays good. */
const sound: History = {
  guards: 2,
  boundMs: 50,
  revoked: [
    { tokens: [0], epoch: 1, askedMs: 99, committedMs: 100, answeredMs: 102 },
    { tokens: [1], epoch: 2, askedMs: 199, committedMs: 200, answeredMs: 202 },
  ],
  applied: [0, 1].flatMap(guard => [
    { guard, epoch: 1, atMs: 105 + guard },
    { guard, epoch: 2, atMs: 205 + guard },
  ]),
  looks: [0, 1].flatMap(guard => [
    look(guard, 0, 10, 'accepted'),
    look(guard, 0, 104, 'accepted'),
    look(guard, 0, 106 + guard, 'revoked'),
    look(guard, 1, 190, 'accepted'),
    look(guard, 1, 206 + guard, 'revoked'),
    look(guard, 2, 300, 'accepted'),
  ]),
}

const withLook = (...more: Look[]): History => ({ ...sound, looks: [...sound.looks, ...more] })
const kinds = (history: History): ViolationKind[] => judge(history).violations.map(({ kind }) => kind)

test('a sound history has no violation, and says how late the last guard was', () => {
  const judged = judge(sound)
  expect(judged.violations).toEqual([])
  expect(judged.lastRefusalMs.map(ms => Math.round(ms * 10) / 10)).toEqual([7.1, 7.1])
  expect(judged).toMatchObject({ looks: 12, accepted: 8, refused: 4, unavailable: 0, other: 0 })
  expect([judged.acceptedAfterCommitMs, judged.acceptedAfterAnswerMs]).toEqual([4, 2])
})

describe('finds', () => {
  test.each<[ViolationKind, History]>([
    ['accepted after the answer and the bound', withLook(look(1, 0, 152.1, 'accepted'))],
    ['accepted after it was applied', { ...sound, applied: [{ guard: 0, epoch: 1, atMs: 103.9 }] }],
    ['accepted after it was applied', { ...sound, applied: [{ guard: 0, epoch: 2, atMs: 103.9 }] }],
    ['accepted again after a refusal', withLook(look(0, 1, 206.2, 'accepted'))],
    ['refused before it was revoked', withLook(look(0, 1, 150, 'revoked'))],
    ['refused before it was revoked', withLook(look(1, 2, 400, 'revoked'))],
    ['never refused', { ...sound, looks: [...sound.looks].filter(({ guard, token }) => guard !== 1 || token !== 1) }],
    ['never refused', { ...sound, guards: 3 }],
    ['epochs went back', { ...sound, applied: [...sound.applied, { guard: 0, epoch: 1, atMs: 300 }] }],
    ['epoch missing or doubled', { ...sound, revoked: sound.revoked.map(revoked => ({ ...revoked, epoch: 2 })) }],
  ])('%s (%#)', (kind, history) => {
    expect(kinds(history)).toContain(kind)
  })

  test('an acceptance within the bound is none, one beyond it is', () => {
    const cutOff = (startedMs: number): History => ({
      ...sound,
      applied: [],
      looks: [...sound.looks].filter(({ guard, token }) => guard !== 1 || token !== 0).concat(look(1, 0, startedMs, 'accepted')),
    })
    expect(kinds(cutOff(152))).toEqual(['never refused'])
    expect(kinds(cutOff(152.01))).toEqual(['accepted after the answer and the bound', 'never refused'])
  })

  test('a hole and a double in what should have no gap', () => {
    expect(gapsIn([3, 1, 2])).toEqual([])
    expect(gapsIn([1, 2, 4])).toHaveLength(1)
    expect(gapsIn([1, 2, 2, 3])).toHaveLength(1)
  })
})

/** A run as it would be: guards hear of each revocation late by up to 40 ms and look when they like. */
const runs = fc
  .record({
    guards: fc.integer({ min: 1, max: 5 }),
    delays: fc.array(fc.double({ min: 0.5, max: 40, noNaN: true }), { minLength: 1, maxLength: 8 }),
    at: fc.array(fc.double({ min: 0, max: 2_000, noNaN: true }), { minLength: 1, maxLength: 30 }),
  })
  .map(({ guards, delays, at }): History => {
    const heardMs = (guard: number, token: number) => token * 100 + 100 + delays[(guard + token) % delays.length]!
    const all = delays.flatMap((_, token) => Array.from({ length: guards }, (_, guard) => [guard, token] as const))
    return {
      guards,
      boundMs: 50,
      revoked: delays.map((_, token) => {
        const committedMs = token * 100 + 100
        return { tokens: [token], epoch: token + 1, askedMs: committedMs - 1, committedMs, answeredMs: committedMs + 1 }
      }),
      applied: all.map(([guard, token]) => ({ guard, epoch: token + 1, atMs: heardMs(guard, token) })),
      looks: all.flatMap(([guard, token]) =>
        [...at, heardMs(guard, token)].map(ms => look(guard, token, ms, ms < heardMs(guard, token) ? 'accepted' : 'revoked')),
      ),
    }
  })

test('no run of guards that are late within the bound has a violation; one stray acceptance in it is found', () => {
  fc.assert(
    fc.property(runs, fc.nat(), fc.nat(), fc.double({ min: 0.2, max: 5_000, noNaN: true }), (run, a, b, lateMs) => {
      expect(judge(run).violations).toEqual([])
      const { guard, token } = { guard: a % run.guards, token: b % run.revoked.length }
      const heard = run.applied.find(applied => applied.guard === guard && applied.epoch === token + 1)!
      const planted = { ...run, looks: [...run.looks, look(guard, token, heard.atMs + lateMs, 'accepted')] }
      const found = judge(planted).violations
      expect(found.map(({ kind }) => kind)).toContain('accepted after it was applied')
      expect(found.every(violation => violation.guard === guard && violation.token === token)).toBe(true)
    }),
    { numRuns: 200 },
  )
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isSettled, type Progress, rangesBetween, settle } from '#core/ssf/progress.ts'

const begin: Progress = { cursor: 10, ahead: [] }

describe('the progress of a stream', () => {
  test.each<[string, number[], Progress]>([
    ['moves its cursor over what comes next', [11], { cursor: 11, ahead: [] }],
    [
      'keeps what is ahead of a gap',
      [12, 14],
      {
        cursor: 10,
        ahead: [
          [12, 12],
          [14, 14],
        ],
      },
    ],
    ['joins neighbours', [14, 12, 13], { cursor: 10, ahead: [[12, 14]] }],
    ['closes a gap and moves over all that lay behind it', [13, 12, 11, 15], { cursor: 13, ahead: [[15, 15]] }],
    ['takes the same twice', [12, 12, 11, 11, 3], { cursor: 12, ahead: [] }],
  ])('%s', (_, epochs, after) => {
    expect(settle(begin, epochs)).toEqual(after)
  })

  test('over any acknowledgements in any order is that of a set of epochs', () => {
    const step = fc.oneof(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 12 }), fc.integer({ min: 1, max: 60 }))
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20 }), fc.array(step, { maxLength: 20 }), (cursor, steps) => {
        let progress: Progress = { cursor, ahead: [] }
        const settled = new Set(Array.from({ length: cursor }, (_, i) => i + 1))
        for (const taken of steps) {
          const before = progress.cursor
          if (typeof taken === 'number') {
            progress = settle(progress, [[1, taken]])
            for (let epoch = 1; epoch <= taken; epoch++) settled.add(epoch)
          } else {
            progress = settle(progress, taken)
            for (const epoch of taken) settled.add(epoch)
          }
          expect(progress.cursor).toBeGreaterThanOrEqual(before)
          let end = progress.cursor
          for (const [from, to] of progress.ahead) {
            expect(from).toBeGreaterThan(end + 1)
            expect(to).toBeGreaterThanOrEqual(from)
            end = to
          }
          for (let epoch = 1; epoch <= 61; epoch++) expect(isSettled(progress, epoch)).toBe(settled.has(epoch))
        }
      }),
    )
  })
})

test('what lies between some epochs is all the others, once', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 40 })),
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: 0, max: 12 }),
      (some, after, more) => {
        const named = some.sort((a, b) => a - b)
        const found = rangesBetween(after, after + more, named).flatMap(([from, to]) =>
          Array.from({ length: to - from + 1 }, (_, i) => from + i),
        )
        expect(found).toEqual(Array.from({ length: more }, (_, i) => after + 1 + i).filter(epoch => !named.includes(epoch)))
      },
    ),
  )
})

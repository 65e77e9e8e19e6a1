import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findDifferences } from '#core/operators/two-person/find-differences.ts'

describe('differences', () => {
  test.each([
    [{ a: 1 }, { a: 1 }, []],
    [{ a: 1 }, { a: 2 }, [{ op: 'replace', path: '/a', was: 1, value: 2 }]],
    [{}, { a: { b: 1 } }, [{ op: 'add', path: '/a', value: { b: 1 } }]],
    [{ a: [1, 2] }, { a: [1] }, [{ op: 'remove', path: '/a/1', was: 2 }]],
    [{ 'a/b~c': 1 }, {}, [{ op: 'remove', path: '/a~1b~0c', was: 1 }]],
    [{ a: [] }, { a: {} }, [{ op: 'replace', path: '/a', was: [], value: {} }]],
    [{ a: null }, {}, [{ op: 'remove', path: '/a', was: null }]],
    [undefined, { a: 1 }, [{ op: 'add', path: '', value: { a: 1 } }]],
    [{ a: 1 }, undefined, [{ op: 'remove', path: '', was: { a: 1 } }]],
  ])('between %j and %j', (before, after, expected) => {
    expect(findDifferences(before, after)).toEqual(expected)
  })

  test('are none between equal values, and some between others', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(findDifferences(a, structuredClone(a))).toEqual([])
        expect(findDifferences(a, b).length === 0).toBe(isEqual(a, b))
      }),
    )
  })
})

/** -0 and 0 are one number in JSON. */
const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, item]) => [name, sorted(item)])
    .concat([['', 'object']])
}

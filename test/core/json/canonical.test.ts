import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '#core/json/canonical.ts'

/** The same value with the members of each object in another order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([k, v]) => [k, reversed(v)]),
  )
}

describe('canonicalJson', () => {
  test('gives the result of RFC 8785 § 3.2.3 whatever the order of the members', () => {
    const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\u{1f600}': 5, '\u0080': 6, '\u00f6': 7 }
    expect(canonicalJson(value)).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\u{1f600}":5,"\ufb33":3}')
  })

  test.each([
    [[1e21, 1e-7, 0.1, -0, 333333333.3333333], '[1e+21,1e-7,0.1,0,333333333.3333333]'],
    [{ '10': 1, '9': 2 }, '{"10":1,"9":2}'],
    [{ b: { d: 1, c: 2 }, a: [] }, '{"a":[],"b":{"c":2,"d":1}}'],
    [{ a: undefined, b: 1 }, '{"b":1}'],
    [null, 'null'],
  ])('writes %j as %s', (value, text) => expect(canonicalJson(value)).toBe(text))

  test.each([['\ud800'], [{ '\udc00': 1 }], [Number.NaN], [[Number.POSITIVE_INFINITY]], [undefined]])('throws for %j', value => {
    expect(() => canonicalJson(value)).toThrow(TypeError)
  })

  test('throws for a cycle', () => {
    const value: Record<string, unknown> = {}
    value['a'] = value
    expect(() => canonicalJson(value)).toThrow(TypeError)
  })

  test('honours toJSON as JSON.stringify does', () => {
    expect(canonicalJson({ at: new Date(0) })).toBe('{"at":"1970-01-01T00:00:00.000Z"}')
  })

  test('equals the reference package for every JSON value in any order, and parses back to it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), value => {
        const text = canonicalize(value)
        expect(canonicalJson(value)).toBe(text)
        expect(canonicalJson(reversed(value))).toBe(text)
        expect(canonicalJson(JSON.parse(text!))).toBe(text)
      }),
    )
  })
})

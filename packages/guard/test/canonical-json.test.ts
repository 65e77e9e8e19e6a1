import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson } from '../src/token/canonical-json.ts'

test('writes what the library for RFC 8785 writes, whatever JSON it is given', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), value => {
      expect(canonicalJson(value)).toBe(canonicalize(value))
    }),
  )
})

test.each([
  ['names by UTF-16 code units (RFC 8785 § 3.2.3)', { '\u20ac': 1, '\r': 2, '\ufb33': 3, 1: 4, '\ud83d\ude00': 5, '\u0080': 6 }],
  ['numbers as ECMAScript does', [333333333.3333333, 1e30, 4.5, 2e-3, 1e-27, -0, 1e21]],
  ['no member that is undefined', { a: undefined, b: 1 }],
])('writes %s', (_what, value) => {
  expect(canonicalJson(value)).toBe(canonicalize(value))
})

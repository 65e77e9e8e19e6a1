import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseStrictObject } from '../src/token/strict-json.ts'

const object = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 4, stringUnit: 'grapheme' }))

test('reads what JSON.parse reads, however it is spaced', () => {
  fc.assert(
    fc.property(object, fc.constantFrom(0, 1, '\t'), (value, space) => {
      const text = JSON.stringify(value, null, space)
      expect(parseStrictObject(text)).toEqual(JSON.parse(text))
    }),
  )
})

test('never throws', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.string({ unit: 'binary' })), text => {
      parseStrictObject(text)
    }),
  )
})

test.each([
  ['a name twice', '{"a":1,"a":1}'],
  ['a name twice, spelled otherwise', '{"a":1,"\\u0061":1}'],
  ['a name twice, deep inside', '{"a":[{"b":{"c":1, "c" :2}}]}'],
  ['a name twice after strings with quotes and brackets', '{"x":"}\\"{[","a":"\\\\","a":1}'],
  ['a lone surrogate', '{"a":"\\ud800"}'],
  ['a lone surrogate in a name', '{"\\udc00":1}'],
  ['33 levels', `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`],
  ['a list', '[]'],
  ['null', 'null'],
  ['text behind', '{} {}'],
  ['nothing', ''],
])('refuses %s', (_, text) => expect(parseStrictObject(text)).toBeUndefined())

test.each(['{"a":{"a":1},"b":[{"a":1},{"a":1}]}', '{"a":"a","b":"a"}', '{"a":"x:","b":":"}'])(
  'takes %s, where no name repeats',
  text => {
    expect(parseStrictObject(text)).toEqual(JSON.parse(text))
  },
)

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DerReader, integerText, readOne, tags, timeMs } from '#core/trust-material/der.ts'

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')

describe('what is not DER is refused', () => {
  test.each([
    ['nothing', ''],
    ['a header without a length', '30'],
    ['content that is cut short', '30 05 02 01 01'],
    ['an indefinite length', '30 80 02 01 01 00 00'],
    ['a length in a longer form than it needs', '30 81 03 02 01 01'],
    ['a length of two bytes that needs one', '30 82 00 ff'],
    ['a length of five bytes', '30 85 00 00 00 00 01 00'],
    ['a tag of several bytes', '1f 81 01 00'],
    ['something behind the item', '30 00 00'],
    ['another tag', '31 00'],
  ])('%s', (_, hex) => {
    expect(() => readOne(bytes(hex), hex.startsWith('1f') ? 0x1f : tags.sequence)).toThrow()
  })

  test.each(['02 00', '02 02 00 01', '02 02 ff ff'])('an integer %s', hex => {
    expect(() => integerText(new DerReader(bytes(hex)).take(tags.integer))).toThrow()
  })

  test.each(['2611221200Z', '261122120000+0100', 'x'])('a time %s', text => {
    const content = Buffer.from(text)
    expect(() => timeMs({ tag: tags.utcTime, content, whole: content })).toThrow()
  })
})

test.each([
  [tags.utcTime, '261122120000Z', '2026-11-22T12:00:00Z'],
  [tags.utcTime, '500101000000Z', '1950-01-01T00:00:00Z'],
  [tags.utcTime, '491231235959Z', '2049-12-31T23:59:59Z'],
  [tags.generalizedTime, '20500101000000Z', '2050-01-01T00:00:00Z'],
])('time 0x%i %s', (tag, text, expected) => {
  const content = Buffer.from(text)
  expect(timeMs({ tag, content, whole: content })).toBe(Date.parse(expected))
})

test('items are read one after the other, and nothing is read of a tag that is not there', () => {
  const reader = new DerReader(bytes('02 01 05 04 02 aa bb'))
  expect(reader.optional(tags.octetString)).toBeUndefined()
  expect(integerText(reader.take(tags.integer))).toBe('05')
  expect(reader.ended).toBe(false)
  expect(reader.take(tags.octetString).whole).toEqual(bytes('04 02 aa bb'))
  expect(reader.ended).toBe(true)
})

test('whatever bytes come, reading ends: with items that lie inside, or by throwing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), raw => {
      const reader = new DerReader(Buffer.from(raw))
      let total = 0
      try {
        while (!reader.ended) total += reader.take(raw[total]!).whole.length
        return total === raw.length
      } catch {
        return total <= raw.length
      }
    }),
  )
})

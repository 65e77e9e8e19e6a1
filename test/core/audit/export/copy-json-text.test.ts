import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { copyJsonText, cursorAt, slackBytes } from '#core/audit/export/copy-json-text.ts'

/** What stands behind the opening quote of `text`; undefined: it was not taken. */
function copied(text: Uint8Array, start = 1): Buffer | undefined {
  const from = cursorAt(Buffer.from(text), start)
  const out = cursorAt(Buffer.alloc(text.length + slackBytes), 0)
  if (!copyJsonText(from, out)) return undefined
  expect(from.bytes[from.at]).toBe(0x22)
  return out.bytes.subarray(0, out.at)
}

/** Mostly what JSON.stringify escapes, in every place beside what it does not. */
const text = fc.string({
  unit: fc.oneof(fc.constantFrom('"', '\\', '\\"', ',', 'x', '\n', '\u007f', 'ä', '„', '🪲'), fc.string()),
})

describe('the text of a JSON string', () => {
  test('is the one that JSON.parse reads, whatever stands around it', () => {
    fc.assert(
      fc.property(text, fc.string(), (meant, behind) => {
        const json = JSON.stringify(meant)
        const hasOthers = /\\[^"\\]/.test(json.replaceAll('\\\\', '').replaceAll('\\"', ''))
        expect(copied(Buffer.from(json + behind))?.toString()).toBe(hasOthers ? undefined : meant)
      }),
      { numRuns: 2_000 },
    )
  })

  test('is taken from no bytes that JSON.parse reads otherwise', () => {
    const bytes = fc.array(fc.constantFrom(0x22, 0x5c, 0x6e, 0x75, 0x1f, 0x20, 0x7f, 0x80, 0xc3, 0xa4, 0xff, 0x41), {
      maxLength: 14,
    })
    fc.assert(
      fc.property(bytes, inner => {
        const all = Buffer.from([0x22, ...inner])
        const found = copied(all)
        if (found === undefined) return
        const end = [...all.keys()].find(at => at > 0 && isString(all.subarray(0, at + 1)))!
        expect(found.toString()).toBe(JSON.parse(all.toString('utf8', 0, end + 1)))
        expect(Buffer.from(found.toString()).equals(found)).toBe(true)
      }),
      { numRuns: 5_000 },
    )
  })

  test.each(['"', '"abc', '"abcd\\', '"a\\u0041"', '"a\nb"', '"\u0000bcdefg"'])('%j is left to others', json => {
    expect(copied(Buffer.from(json))).toBeUndefined()
  })
})

function isString(bytes: Buffer): boolean {
  try {
    return typeof JSON.parse(bytes.toString()) === 'string'
  } catch {
    return false
  }
}

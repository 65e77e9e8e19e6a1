import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findFault } from '#core/json/find-fault.ts'
import { type FaultReason, parseStrictJson, StrictJsonError, type StrictJsonLimits } from '#core/json/parse-strict.ts'

function refusal(text: string, limits?: StrictJsonLimits): StrictJsonError {
  try {
    parseStrictJson(text, limits)
  } catch (error) {
    if (error instanceof StrictJsonError) return error
    throw error
  }
  throw new Error(`accepted ${text}`)
}

const refused: [text: string, reason: FaultReason, position: number, limits?: StrictJsonLimits][] = [
  ['{"a":1,"a":1}', 'duplicate key', 7],
  ['{"a":1,"\\u0061":2}', 'duplicate key', 7],
  ['[{"x":{"a":1,"b":{},"a":[]}}]', 'duplicate key', 20],
  ['{"a":{"b":1,"b":2},"a":{"c":3}}', 'duplicate key', 12],
  ['{"__proto__":{}}', 'forbidden key', 1],
  ['{"\\u005f_proto__":1}', 'forbidden key', 1],
  ['"\\ud800"', 'lone surrogate', 0],
  ['{"\\udc00":1}', 'lone surrogate', 1],
  ['["\ud800"]', 'lone surrogate', 1],
  ['\ud800', 'invalid JSON', 0],
  ['1.0', 'number not allowed', 0],
  ['[1e2]', 'number not allowed', 1],
  ['[1E2]', 'number not allowed', 1],
  ['9007199254740992', 'number not allowed', 0],
  ['-9007199254740992', 'number not allowed', 0],
  ['-0', 'number not allowed', 0],
  ['1e400', 'number not allowed', 0, { numbers: 'any' }],
  ['[[]]', 'nesting too deep', 1, { maxDepth: 1 }],
  ['"aé"', 'text too large', 0, { maxBytes: 4 }],
  ['{} {}', 'trailing characters', 3],
  ['1,', 'trailing characters', 1],
  ['', 'unexpected end', 0],
  ['{"a":', 'unexpected end', 5],
  ['"a', 'unexpected end', 2],
  ['[1,]', 'invalid JSON', 3],
  ['{"a":1,}', 'invalid JSON', 7],
  ['{a:1}', 'invalid JSON', 1],
  ["['a']", 'invalid JSON', 1],
  ['01', 'trailing characters', 1],
  ['[+1]', 'invalid JSON', 1],
  ['[NaN]', 'invalid JSON', 1],
  ['"\u0000"', 'invalid JSON', 1],
  ['"\\x41"', 'invalid JSON', 1],
  ['[1}', 'invalid JSON', 2],
  ['\ufeff{}', 'invalid JSON', 0],
  ['\u00a0{}', 'invalid JSON', 0],
  ['/**/{}', 'invalid JSON', 0],
]

describe('parseStrictJson', () => {
  test.each(refused)('refuses %j: %s at %i', (text, reason, position, limits) => {
    expect(refusal(text, limits)).toMatchObject({ reason, position })
  })

  test.each([
    '{"e":"1.5e3: {[","b":[true,false,null,-1]}',
    ' "\\ud83d\\ude00" ',
    '[]',
    '{"":{"":{}}}',
    '9007199254740991',
    '"\\\\"',
  ])('accepts %j as JSON.parse does', text => expect(parseStrictJson(text)).toStrictEqual(JSON.parse(text)))

  test('takes decimals and exponents only where asked to', () => {
    expect(parseStrictJson('[1.5,-2e-3,-0]', { numbers: 'any' })).toStrictEqual([1.5, -0.002, -0])
  })

  test('takes 16 levels by default and refuses the 17th', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
    expect(parseStrictJson(nested(16))).toBeInstanceOf(Array)
    expect(refusal(nested(17)).reason).toBe('nesting too deep')
  })

  test('refuses a million open brackets without recursion', () => {
    expect(refusal('['.repeat(1_000_000), { maxBytes: 2_000_000 }).reason).toBe('nesting too deep')
    const deep = { maxDepth: Number.POSITIVE_INFINITY, integersOnly: true }
    expect(findFault('['.repeat(1_000_000), deep)?.reason).toBe('unexpected end')
  })

  test('never quotes the text in its message', () => {
    expect(refusal('{"secret":"hunter2"').message).not.toContain('hunter2')
  })
})

const unlimited: StrictJsonLimits = { maxDepth: 100, maxBytes: 1e7, numbers: 'any' }

/** Valid JSON text with random spacing and escapes, whose objects have no duplicate keys and no `__proto__`. */
const jsonText = fc
  .tuple(fc.jsonValue({ depthSize: 'medium' }), fc.constantFrom(undefined, 1, '\t'), fc.boolean())
  .map(([value, indent, escaped]) => {
    const text = JSON.stringify(value, undefined, indent)
    if (text.includes('__proto__')) return ''
    return escaped ? text.replace(/[a-z](?=[^"]*"\s*:)/g, c => `\\u00${c.charCodeAt(0).toString(16)}`) : text
  })
  .filter(isJson)

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const accepts = (text: string, limits: StrictJsonLimits) => {
  try {
    parseStrictJson(text, limits)
    return true
  } catch (error) {
    if (error instanceof StrictJsonError) return false
    throw error
  }
}

describe('parseStrictJson, by property', () => {
  test('agrees with JSON.parse on every valid text without duplicate keys', () => {
    fc.assert(
      fc.property(jsonText, text => {
        expect(parseStrictJson(text, unlimited)).toStrictEqual(JSON.parse(text))
      }),
    )
  })

  test('refuses every text into which a duplicate key was put', () => {
    const pairs = fc.uniqueArray(fc.tuple(fc.string(), fc.jsonValue()), { minLength: 1, selector: ([key]) => key })
    fc.assert(
      fc.property(pairs, fc.nat(), fc.jsonValue(), fc.boolean(), (members, at, value, wrap) => {
        const written = members.map(([key, v]) => `${JSON.stringify(key)}:${JSON.stringify(v)}`)
        const again = `${JSON.stringify(members[at % members.length]![0])}:${JSON.stringify(value)}`
        written.splice(at % (written.length + 1), 0, again)
        const text = wrap ? `[{"outer":{${written}}}]` : `{${written}}`
        const expected = text.includes('"__proto__"') ? /duplicate key|forbidden key/ : /duplicate key/
        expect(refusal(text, unlimited).reason).toMatch(expected)
      }),
    )
  })

  test('the fast path accepts exactly what the exact reader finds sound, also for damaged texts', () => {
    const pieces = [
      '"',
      '\\',
      ':',
      ',',
      '{',
      '}',
      '[',
      ']',
      '0',
      '-',
      '.',
      'e',
      '"a":1',
      '"a"',
      '\\ud800',
      'null',
      ' ',
      '__proto__',
    ]
    const damage = fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom(...pieces))
    fc.assert(
      fc.property(jsonText, fc.array(damage, { maxLength: 4 }), fc.boolean(), (valid, cuts, integersOnly) => {
        let text = valid
        for (const [at, drop, piece] of cuts) {
          const i = at % (text.length + 1)
          text = text.slice(0, i) + piece + text.slice(i + drop)
        }
        const fault = findFault(text, { maxDepth: 6, integersOnly })
        const limits: StrictJsonLimits = { maxDepth: 6, maxBytes: 1e7, numbers: integersOnly ? 'safe-integers' : 'any' }
        expect(accepts(text, limits)).toBe(fault === undefined)
      }),
      { numRuns: 2_000 },
    )
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BrokerError } from '#core/errors/broker-error.ts'
import { parseForm } from '#core/exchange/form.ts'

const hintOf = (body: string): string | undefined => {
  try {
    parseForm(body)
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'malformed_request') return error.hint
    throw error
  }
  return undefined
}

describe('what is refused', () => {
  test.each<[name: string, body: string, hint: RegExp]>([
    ['a doubled parameter', 'scope=a&scope=b', /^scope was sent more than once/],
    ['a doubled parameter with equal values', 'scope=a&scope=a', /^scope was sent more than once/],
    ['a doubled parameter whose first is empty', 'subject_token=&subject_token=a', /more than once/],
    ['a doubled parameter spelled in two ways', 'scope=a&sc%6Fpe=b', /^scope was sent more than once/],
    ['a doubled unknown parameter', 'x-%3Cb%3E=1&x-%3Cb%3E=2', /^A parameter was sent more than once/],
    ['a broken escape', 'scope=%zz', /^scope is not valid percent-encoded UTF-8/],
    ['an escape that is cut off', 'scope=a%2', /not valid percent-encoded/],
    ['a lone percent sign', 'scope=100%', /not valid percent-encoded/],
    ['bytes that are no UTF-8', 'scope=%ff', /not valid percent-encoded/],
    ['an overlong form of /', 'scope=%c0%af', /not valid percent-encoded/],
    ['half of a surrogate pair', 'scope=%ed%a0%80', /not valid percent-encoded/],
    ['a UTF-8 sequence that is cut off', 'scope=%e2%82', /not valid percent-encoded/],
    ['a broken escape in a name', 'sc%pe=a', /^A parameter name is not valid/],
    ['a NUL in a value', 'task_id=a%00b', /^task_id holds a NUL/],
    ['a raw NUL in a value', 'task_id=a\0b', /^task_id holds a NUL/],
    ['a NUL in a name', 'task_id%00=a', /holds a NUL/],
    ['65 parameters', Array.from({ length: 65 }, (_, i) => `p${i}=1`).join('&'), /at most 64 parameters/],
    ['a million of them', '&'.repeat(1_000_000), /at most 64 parameters/],
  ])('%s', (_, body, hint) => {
    expect(hintOf(body)).toMatch(hint)
  })

  test('is never quoted back, neither a value nor a name that is not plain', () => {
    const secret = 'eyJhbGciOi-secret'
    for (const body of [`subject_token=${secret}%zz`, `${secret}=1&${secret}=2`, `subject_token=${secret}%00`, `${secret}%zz`])
      expect(hintOf(body)).not.toContain('secret')
  })
})

describe('what is read', () => {
  test.each<[name: string, body: string, form: Record<string, string[]>]>([
    ['nothing', '', {}],
    ['plus as space, percent twenty too', 'scope=a+b%20c', { scope: ['a b c'] }],
    ['an encoded plus as plus', 'scope=a%2Bb', { scope: ['a+b'] }],
    ['a value with equals signs', 'assertion=a=b==', { assertion: ['a=b=='] }],
    ['umlauts, encoded and raw', 'task_id=%C3%BC&x=ü', { task_id: ['ü'], x: ['ü'] }],
    ['an empty value as not sent (RFC 6749 § 3.2)', 'scope=&ttl', {}],
    [
      'the two parameters that may repeat, in order',
      'resource=b&audience=c&resource=a',
      { resource: ['b', 'a'], audience: ['c'] },
    ],
    ['a repeated one without its empty values', 'resource=&resource=a', { resource: ['a'] }],
    [
      'names that every object has',
      'constructor=1&__proto__=2&toString=3',
      { constructor: ['1'], ['__proto__']: ['2'], toString: ['3'] } as never,
    ],
    [
      '64 parameters',
      Array.from({ length: 64 }, (_, i) => `p${i}=1`).join('&'),
      Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`p${i}`, ['1']])),
    ],
  ])('%s', (_, body, form) => {
    expect([...parseForm(body)]).toEqual(Object.entries(form))
  })

  test('agrees with URLSearchParams on every valid form', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter(s => s.isWellFormed() && !s.includes('\0'))
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 20 }), pairs => {
        const body = new URLSearchParams(pairs).toString()
        expect([...parseForm(body)].map(([name, values]) => [name, values[0]])).toEqual([...new URLSearchParams(body)])
      }),
    )
  })

  test('never throws anything but a refusal of its own, whatever the text', () => {
    const piece = fc.constantFrom('%', '%f', '%ff', '%00', '+', '=', '&', 'scope', 'resource', 'ü', '\0', '\ud800', '%ed%a0%80')
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(piece, { maxLength: 200 }).map(p => p.join('')),
        ),
        body => {
          hintOf(body)
        },
      ),
      { numRuns: 500 },
    )
  })
})

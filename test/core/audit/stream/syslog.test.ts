import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readEntry } from '#core/audit/stream/entry.ts'
import { formatSyslog, frameSyslog, severityOf } from '#core/audit/stream/syslog.ts'
import { asciiJson, plainJson } from '#core/json/plain-json.ts'

const leafOf = (members: object) => JSON.stringify({ id: 'x', time: 1_795_305_600_000, type: 'token.denied', v: 1, ...members })
const entryOf = (leaf: object, body: unknown = {}) =>
  readEntry({ position: 7, leaf: leafOf(leaf), body: JSON.stringify(body) }).shown
const hostile = fc.string({ unit: 'binary' })

describe('a message', () => {
  test('is RFC 5424, with what is looked for as structured data', () => {
    const entry = entryOf({ tenant: '0198c0ff-ee00-4708-8000-0000000000bb' }, { code: 'access_denied' })
    expect(formatSyslog(entry, { a: 1 }, { hostname: 'broker.example' })).toBe(
      '<108>1 2026-11-22T00:00:00.000Z broker.example mayfly - token.denied [mayfly@32473 position="7" event="x" tenant="ten_0198c0ffee00470880000000000000bb"] {"a":1}',
    )
  })

  test('is one line of printable ASCII whatever stands in an entry', () => {
    fc.assert(
      fc.property(hostile, hostile, hostile, (id, type, fact) => {
        const entry = entryOf({ id, type, token: fact }, { fact })
        const message = formatSyslog(entry, entry, { hostname: id })
        expect(message).toMatch(/^[\u0020-\u007e]+$/)
        const [, , , , , , , ...rest] = message.split(' ')
        expect(rest.length).toBeGreaterThan(0)
      }),
    )
  })

  test('ends its structured data only where that ends', () => {
    const entry = entryOf({ id: 'a"] <14>1 forged \\' })
    const message = formatSyslog(entry, {}, { hostname: '-' })
    expect(message).toContain('event="a\\"\\] <14>1 forged \\\\"] {}')
  })

  test('is framed so that none begins inside another', () => {
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 1, maxLength: 5 }), texts => {
        const messages = texts.map(text => formatSyslog(entryOf({ id: text }), { text }, { hostname: '-' }))
        let rest = messages.map(message => frameSyslog(message, 'octets')).join('')
        const read: string[] = []
        while (rest !== '') {
          const [, length, after] = /^(\d+) ([\s\S]*)$/.exec(rest)!
          read.push(after!.slice(0, Number(length)))
          rest = after!.slice(Number(length))
        }
        expect(read).toEqual(messages)
        expect(
          messages
            .map(message => frameSyslog(message, 'lines'))
            .join('')
            .split('\n')
            .slice(0, -1),
        ).toEqual(messages)
      }),
    )
  })

  test.each([
    ['token.issued', 'allow', 6],
    ['token.denied', 'deny', 4],
    ['agent.changed', undefined, 5],
    ['audit_stream.parked', undefined, 4],
    ['change.break_glass', 'allow', 1],
    ['log.restored', undefined, 1],
  ] as const)('of %s has a severity that is looked at', (type, decision, severity) => {
    expect(severityOf({ type, ...(decision && { decision }) })).toBe(severity)
  })
})

describe('JSON for lines', () => {
  test('stays the same JSON, on one line, with nothing in it that eyes do not see', () => {
    fc.assert(
      fc.property(fc.jsonValue(), hostile, (value, text) => {
        const whole = { value, text, [text]: 1 }
        for (const written of [plainJson(whole), asciiJson(whole)]) {
          expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(whole)))
          expect(written).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff\u{e0000}-\u{e007f}]/u)
        }
        expect(asciiJson(whole)).toMatch(/^[\u0020-\u007e]*$/)
      }),
    )
  })
})

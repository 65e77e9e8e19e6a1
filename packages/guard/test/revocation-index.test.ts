import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type EntryKind, markOf, parseEntry } from '../src/feed/entry.ts'
import { marksOf, RevocationIndex } from '../src/feed/revocation-index.ts'
import type { TaskTokenClaims } from '../src/token/claims.ts'
import { claimsWith } from './issuer.ts'

describe('an entry', () => {
  const match = 'R4CeRmyOEiJbqG5k0rohQA'
  test.each([
    [`a${match}.3.1795305900`, { kind: 'a', mark: `a${match}`, least: 3, until: 1_795_305_900 }],
    [`j${match}..1795305900`, { kind: 'j', mark: `j${match}`, least: undefined, until: 1_795_305_900 }],
    [`a${match}.0.1`, { kind: 'a', mark: `a${match}`, least: 0, until: 1 }],
  ])('%s is read', (text, entry) => {
    expect(parseEntry(text)).toEqual(entry)
  })
  test.each([
    '',
    `a${match}`,
    `a${match}.3`,
    `a${match}.3.`,
    `a${match}.-1.9`,
    `a${match}.1e3.9`,
    `a${match}.1.9.9`,
    `b${match}.1.9`,
    `A${match}.1.9`,
    `a${match}x.1.9`,
    `a${match.slice(1)}.1.9`,
    ` a${match}.1.9`,
    `a${match}.1.9\n`,
    `a${match}.9999999999999999.9`,
    7,
    null,
    { kind: 'a' },
  ])('%j is none', text => {
    expect(parseEntry(text)).toBeUndefined()
  })
  test('is about the first 16 bytes of the SHA-256 of the claim’s text', () => {
    fc.assert(
      fc.property(fc.string(), value => {
        const prefix = createHash('sha256').update(value).digest().subarray(0, 16).toString('base64url')
        expect(markOf('c', value)).toBe(`c${prefix}`)
      }),
    )
  })
})

const few = (prefix: string) => fc.constantFrom(...[1, 2, 3].map(number => `${prefix}_${number}`))
const number = fc.integer({ min: 1, max: 4 })
const token = fc
  .record({
    account_id: few('acct'),
    sub: few('acct'),
    client_id: few('agt'),
    above: few('agt'),
    jti: few('at'),
    txn: few('txn'),
    iss: few('iss'),
    gen: number,
    cfg: number,
    kid: few('k'),
  })
  .map(({ kid, above, ...claims }) => ({
    kid,
    claims: claimsWith({
      ...claims,
      act: { sub: claims.client_id, act: { sub: above } },
      resource_hash: 'x',
    }) as unknown as TaskTokenClaims,
  }))
const subjects = { a: 'acct', x: 'txn', j: 'at', c: 'agt', k: 'k', t: 'iss' } as const
const entry = fc
  .constantFrom(...(Object.keys(subjects) as EntryKind[]))
  .chain(kind => fc.record({ kind: fc.constant(kind), value: few(subjects[kind]), least: fc.option(number, { nil: undefined }) }))

/** The table of the feed, word by word. */
function isRefused({ claims, kid }: { claims: TaskTokenClaims; kid: string }, { kind, value, least }: FeedWord): boolean {
  const below = (has: number) => least === undefined || has < least
  switch (kind) {
    case 'a':
      return claims.account_id === value && below(claims.gen)
    case 'x':
      return claims.txn === value && (claims.account_id !== claims.sub || below(claims.gen))
    case 'j':
      return claims.jti === value
    case 'c':
      return [claims.client_id, claims.act.act?.sub].includes(value) && below(claims.cfg)
    case 'k':
      return kid === value
    case 't':
      return claims.iss === value && below(claims.cfg)
    default:
      return kind satisfies never
  }
}
interface FeedWord {
  readonly kind: EntryKind
  readonly value: string
  readonly least: number | undefined
}

describe('the index', () => {
  test('refuses a token exactly where one of its entries does, in whatever order and number they came', () => {
    fc.assert(
      fc.property(token, fc.array(entry, { maxLength: 12 }), (one, entries) => {
        const index = new RevocationIndex(100)
        index.add(entries.map(({ kind, value, least }) => ({ kind, mark: markOf(kind, value), least, until: 100 })))
        expect(index.refuses(marksOf(one.claims, one.kid), one.claims)).toBe(entries.some(word => isRefused(one, word)))
      }),
      { numRuns: 2000 },
    )
  })

  const about = (value: string, until: number) => ({ kind: 'j' as const, mark: markOf('j', value), least: undefined, until })

  test('forgets what has ended, some of it at a time', () => {
    const index = new RevocationIndex(20_000)
    index.add([about('late', 200), ...Array.from({ length: 12_000 }, (_, at) => about(`at_${at}`, 100))])
    expect(index.size).toBe(12_001)
    index.forgetEnded(100)
    expect(index.size).toBe(12_001)
    for (let round = 0; round < 4; round += 1) index.forgetEnded(101)
    expect(index.size).toBe(1)
  })

  test('never forgets a key: whoever stole it writes into tokens when they end', () => {
    const index = new RevocationIndex(10)
    index.add([{ kind: 'k', mark: markOf('k', 'stolen'), least: undefined, until: 100 }])
    for (let round = 0; round < 2; round += 1) index.forgetEnded(101)
    index.forgetAllEnded(101)
    const forged = claimsWith({ exp: 9_999_999_999 }) as unknown as TaskTokenClaims
    expect(index.refuses(marksOf(forged, 'stolen'), forged)).toBe(true)
  })

  test('keeps what is told again with a later end', () => {
    const index = new RevocationIndex(10)
    index.add([about('x', 100)])
    index.add([about('x', 200)])
    index.add([about('x', 50)])
    index.forgetEnded(150)
    expect(index.size).toBe(1)
  })

  test('says when it is full, and changes its version with everything that comes in', () => {
    const index = new RevocationIndex(1)
    const versions = [index.version]
    expect(index.add([about('x', 100)])).toBe(true)
    versions.push(index.version)
    expect(index.add([about('y', 100)])).toBe(false)
    versions.push(index.version)
    expect(index.add([about('x', 200)])).toBe(true)
    versions.push(index.version)
    expect(new Set(versions).size).toBe(4)
  })
})

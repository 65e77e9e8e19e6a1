import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '#core/json/canonical.ts'
import { normaliseDetails, normalisePermission, parseDetails, parseScope } from '#core/permission/normalise.ts'
import { detailWithin } from '#core/permission/subset.ts'
import { anyRaw, normalOne } from './arbitraries.ts'

const locations = ['https://api.example/v1']
const http = { type: 'agent_http', locations, methods: ['GET'], uri_template: '/orders/{id}' }
const row = { type: 'agent_row', locations, actions: ['read'], identifier: 'orders/42' }
const tool = { type: 'agent_tool', locations, actions: ['search'] }
const many = Array.from({ length: 65 }, (_, i) => `a${i}`)

const refused: [name: string, raw: unknown, reason: RegExp][] = [
  ['something other than an array', {}, /array of objects/],
  ['more than 64 entries', many.map(identifier => ({ ...row, identifier })), /at most 64/],
  ['an entry that is no object', [null], /\[0\]: must be an object/],
  ['an array as entry', [http, []], /\[1\]: must be an object/],
  ['an entry without type', [{ locations }], /needs a field 'type'/],
  ['an unknown type', [{ ...http, type: 'agent_"x' }], /type 'agent_'x' is unknown; known are agent_http, agent_row, agent_tool/],
  ['a type named like a method of all objects', [{ ...http, type: 'constructor' }], /is unknown/],
  ['an unknown field', [{ ...http, actions: ['read'] }], /field 'actions' is unknown/],
  ['a missing field', [{ type: 'agent_http', locations, methods: ['GET'] }], /'uri_template' is missing/],
  ['an empty list', [{ ...http, methods: [] }], /'methods' must be an array of 1 to 64/],
  ['a list of 65', [{ ...row, actions: many }], /'actions' must be an array of 1 to 64/],
  ['a text in place of a list', [{ ...http, methods: 'GET' }], /'methods' must be an array/],
  ['a list with a number', [{ ...http, methods: [1] }], /strings only/],
  ['a letter that upper case would turn into ASCII', [{ ...http, methods: ['l\u0131st'] }], /must be an HTTP method/],
  ['a wildcard method', [{ ...http, methods: ['*'] }], /must be an HTTP method/],
  ['a text of 2,049 characters', [{ ...http, uri_template: `/${'a'.repeat(2048)}` }], /1 to 2048 characters/],
  ['a location of 2,049 characters', [{ ...http, locations: [`https://a.example/${'a'.repeat(2031)}`] }], /longer than 2048/],
  ['a location with user information', [{ ...http, locations: ['https://a@b.example'] }], /no user information/],
  ['a digest of wrong length', [{ ...http, content_digest: 'abc' }], /SHA-256 in base64url/],
  ['a digest with spare bits set', [{ ...http, content_digest: `${'A'.repeat(42)}B` }], /SHA-256 in base64url/],
  ['an explicit absent digest', [{ ...http, content_digest: undefined }], /SHA-256 in base64url/],
  ['an identifier with an empty segment', [{ ...row, identifier: 'orders//42' }], /'identifier' has the segment/],
  ['an identifier with a leading slash', [{ ...row, identifier: '/orders' }], /'identifier' has the segment/],
  ['an identifier with a partial wildcard', [{ ...row, identifier: 'orders/4*' }], /'identifier' has the segment/],
  ['an identifier with dot segments', [{ ...row, identifier: 'orders/%2e%2e' }], /'identifier' has the segment/],
  ['arguments that are a list', [{ ...tool, arguments: [] }], /'arguments' must be an object/],
  ['an argument __proto__', [{ ...tool, arguments: JSON.parse('{"__proto__":1}') }], /'__proto__' has a name/],
  ['an argument named by a number', [{ ...tool, arguments: { 10: 1 } }], /'10' has a name/],
  ['an argument held to a decimal', [{ ...tool, arguments: { a: 1.5 } }], /'a' must be a string/],
  ['an argument held to null', [{ ...tool, arguments: { a: null } }], /'a' must be a string/],
  ['an argument held to a list', [{ ...tool, arguments: { a: ['x'] } }], /'a' must be a string/],
  ['an argument with a lone surrogate', [{ ...tool, arguments: { a: '\ud800' } }], /'a' must be a string/],
]

describe('normaliseDetails', () => {
  test.each(refused)('refuses %s', (_name, raw, reason) => {
    const result = normaliseDetails(raw)
    expect(result).toMatchObject({ ok: false, reason: expect.stringMatching(reason) })
  })

  test('says which entry was refused', () => expect(normaliseDetails([http, { type: 'x' }])).toMatchObject({ index: 1 }))

  test('drops duplicates and sorts lists and entries, whatever their order', () => {
    const messy = {
      ...http,
      methods: ['post', 'GET', 'Post'],
      locations: ['https://b.example/', 'HTTPS://a.example:443/', 'https://b.example:443/'],
    }
    const expected = {
      ok: true,
      details: [
        { actions: ['read'], identifier: 'orders/42', locations, type: 'agent_row' },
        {
          locations: ['https://a.example/', 'https://b.example/'],
          methods: ['GET', 'POST'],
          type: 'agent_http',
          uri_template: '/orders/{id}',
        },
      ],
    }
    expect(normaliseDetails([messy, row, messy])).toStrictEqual(expected)
    expect(normaliseDetails([row, messy])).toStrictEqual(expected)
  })

  test('no constraint on arguments is the same as none given', () => {
    expect(normalOne({ ...tool, arguments: {} })).toStrictEqual(normalOne(tool))
  })

  test('gives entries without duplicates, sorted by canonical JSON, frozen, and leaves its own result alone', () => {
    fc.assert(
      fc.property(fc.array(anyRaw, { maxLength: 8 }), raw => {
        const result = normaliseDetails(raw)
        if (!result.ok) throw new Error(result.reason)
        const written = result.details.map(canonicalJson)
        expect(written).toStrictEqual([...new Set(written)].sort())
        expect(normaliseDetails(JSON.parse(JSON.stringify(result.details)))).toStrictEqual(result)
        for (const detail of result.details)
          for (const part of [detail, ...Object.values(detail)]) expect(Object.isFrozen(part)).toBe(true)
      }),
    )
  })
})

describe('parseDetails', () => {
  test.each(['', '{', '[{"type":"agent_http","type":"agent_row"}]', '[1.5]', `[${'['.repeat(20)}`, '"x"', ' '.repeat(70_000)])(
    'refuses %j as a value, not an exception',
    text => expect(parseDetails(text).ok).toBe(false),
  )
})

describe('subset rules', () => {
  const digest = { content_digest: '6etJWsy84qDpW74Hm5-eQsyuIDccFRbj7TA20qeHz1M' }
  const held = { ...tool, arguments: { repo: 'x' } }
  test.each([
    ['a digest may be added', { ...http, ...digest }, http, true],
    ['a digest may not be dropped', http, { ...http, ...digest }, false],
    ['a method may be left out', http, { ...http, methods: ['GET', 'POST'] }, true],
    ['a method may not be added', { ...http, methods: ['GET', 'HEAD'] }, http, false],
    ['a location may not be added', { ...http, locations: [...locations, 'https://b.example/'] }, http, false],
    ['a row is within a wildcard', row, { ...row, identifier: 'orders/*' }, true],
    ['a wildcard is not within a row', { ...row, identifier: 'orders/*' }, row, false],
    ['a wildcard is one segment', { ...row, identifier: 'orders/42/items' }, { ...row, identifier: 'orders/*' }, false],
    ['an argument may be held', held, tool, true],
    ['an argument may not be freed', tool, held, false],
    ['an argument may not change', { ...tool, arguments: { repo: 'y' } }, held, false],
    ['an argument keeps its type', { ...tool, arguments: { n: '1' } }, { ...tool, arguments: { n: 1 } }, false],
    ['an inherited name holds no argument', tool, { ...tool, arguments: { constructor: 'x' } }, false],
  ])('%s', (_name, a, b, expected) => expect(detailWithin(normalOne(a), normalOne(b))).toBe(expected))
})

describe('scopes', () => {
  test.each([
    ['', []],
    ['b a b', ['a', 'b']],
    ['orders:read https://x.example/y', ['https://x.example/y', 'orders:read']],
  ])('parses %j as a sorted set', (text, scopes) => expect(parseScope(text)).toStrictEqual({ ok: true, value: scopes }))

  test.each([' ', 'a ', ' a', 'a  b', 'a\tb', 'a"b', 'a\\b', 'é', 'a\n', many.join(' '), 'a'.repeat(2049)])(
    'refuses %j',
    text => {
      expect(parseScope(text)).toMatchObject({ ok: false, reason: expect.stringMatching(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/) })
    },
  )

  test('a permission is refused for either part', () => {
    expect(normalisePermission({ details: {}, scopes: [] }).ok).toBe(false)
    expect(normalisePermission({ details: [], scopes: 'a' }).ok).toBe(false)
    expect(normalisePermission({ details: [], scopes: ['b', 'a'] })).toStrictEqual({
      ok: true,
      value: { details: [], scopes: ['a', 'b'] },
    })
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compilePattern, findPatternFault } from '#core/subject/claim-pattern.ts'

describe('a pattern matches', () => {
  test.each([
    ['repo:org/app', 'repo:org/app'],
    ['repo:org/*', 'repo:org/x'],
    ['repo:org/*:ref:refs/heads/*', 'repo:org/x:ref:refs/heads/main'],
    ['repo:org/**', 'repo:org/a'],
    ['repo:org/**', 'repo:org/a/b:c'],
    ['repo:org/**', 'repo:org/a/'],
    ['system:serviceaccount:*:worker', 'system:serviceaccount:prod:worker'],
    ['spiffe://td/ns/*/sa/*', 'spiffe://td/ns/a/sa/b'],
    ['a.+?[b]', 'a.+?[b]'],
    ['ünï:*', 'ünï:x'],
  ])('%s ~ %s', (pattern, value) => {
    expect(compilePattern(pattern)(value)).toBe(true)
  })
})

describe('a pattern does not match', () => {
  test.each([
    ['repo:org/*', 'repo:org-evil/x'],
    ['repo:org/*', 'repo:org/a/b'],
    ['repo:org/*', 'repo:org/a:b'],
    ['repo:org/*', 'repo:org/'],
    ['repo:org/*', 'repo:org'],
    ['repo:org/*', 'repo:org/x\n/y'],
    ['repo:org/*', 'xrepo:org/x'],
    ['repo:org/*', 'repo:ORG/x'],
    ['repo:org/*', 'repo/org/x'],
    ['repo:org/*', 'repo:org:x'],
    ['repo:org/**', 'repo:org'],
    ['repo:org/**', 'repo:org/'],
    ['repo:org/**', 'repo:org//x'],
    ['repo:org/**', 'repo:org-evil/x'],
    ['repo:org/app', 'repo:org/app/'],
    ['a.c', 'abc'],
    ['*:x', ':x'],
    ['x', ''],
  ])('%s ≁ %j', (pattern, value) => {
    expect(compilePattern(pattern)(value)).toBe(false)
  })
})

describe('is no pattern', () => {
  test.each([
    '',
    '*',
    '**',
    '*/*',
    ':',
    '/*',
    'a*',
    'repo:org/app-*',
    '***',
    'a/***',
    'a/**/b',
    '**/b',
    'a/**x',
    'a\nb',
    'a\u2028',
    `a${'x'.repeat(512)}`,
  ])('%j', pattern => {
    expect(findPatternFault(pattern)).toMatch(/\.$/)
    expect(() => compilePattern(pattern)).toThrow(TypeError)
  })
})

const segment = fc.string({ minLength: 1, maxLength: 8 }).filter(text => !/[:/*\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(text))
const separator = fc.constantFrom(':', '/')
/** Segments and the separators between them. */
const shape = fc.array(fc.tuple(segment, separator), { minLength: 1, maxLength: 6 })
const join = (parts: readonly (readonly [string, string])[]) =>
  parts.map(([text, end], i) => (i < parts.length - 1 ? text + end : text)).join('')

describe('properties', () => {
  test('a pattern without stars matches itself and nothing else', () => {
    fc.assert(
      fc.property(shape, fc.string(), (parts, other) => {
        const text = join(parts)
        const matches = compilePattern(text)
        expect(matches(text)).toBe(true)
        expect(matches(other)).toBe(other === text)
      }),
    )
  })

  test('replacing one segment by a star admits that segment whatever it is, and never one more or one less', () => {
    fc.assert(
      fc.property(shape, fc.nat(), segment, separator, (parts, at, any, more) => {
        const i = at % parts.length
        fc.pre(parts.length > 1)
        const set = (text: string) => join(parts.map((part, k) => (k === i ? [text, part[1]] : part)))
        const matches = compilePattern(set('*'))
        expect(matches(set(any))).toBe(true)
        expect(matches(set(''))).toBe(false)
        expect(matches(set(`${any}${more}${any}`))).toBe(false)
        expect(matches(`${set(any)}${more}`)).toBe(false)
        expect(matches(`${more}${set(any)}`)).toBe(false)
      }),
    )
  })

  test('a closing ** admits exactly what begins with the rest, its separator and a segment', () => {
    fc.assert(
      fc.property(shape, separator, shape, fc.string(), (head, between, tail, junk) => {
        const prefix = join(head)
        const matches = compilePattern(`${prefix}${between}**`)
        expect(matches(`${prefix}${between}${join(tail)}`)).toBe(true)
        expect(matches(prefix)).toBe(false)
        expect(matches(junk)).toBe(junk.startsWith(prefix + between) && /^[^:/]/s.test(junk.slice(prefix.length + 1)))
      }),
    )
  })

  test('comparing a long hostile value takes linear time', () => {
    const matches = compilePattern(`a/${'*/'.repeat(100)}b`)
    const started = performance.now()
    expect(matches(`a/${'a/'.repeat(200_000)}`)).toBe(false)
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})

import fc from 'fast-check'
import { Compile } from 'typebox/schema'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '#core/json/canonical.ts'
import { normaliseDetails } from '#core/permission/normalise.ts'
import type { AuthorizationDetail } from '#core/permission/permission.ts'
import { detailWithin } from '#core/permission/subset.ts'
import { findPermissionType, permissionTypeNames } from '#core/permission/types.ts'
import { detailOf, normalOne, rawOf, requestOf, typeNames } from './arbitraries.ts'

/** Names of variables carry no meaning: two templates that differ only in them are mutually within each other. */
function withoutNames(detail: AuthorizationDetail): string {
  return canonicalJson(
    detail.type === 'agent_http' ? { ...detail, uri_template: detail.uri_template.replace(/\{\w+\}/g, '{}') } : detail,
  )
}

const runs = { numRuns: 1_000 }
const plainObject = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown

test('every listed type has generators here, so no type escapes the laws', () => {
  expect([...typeNames].sort()).toEqual([...permissionTypeNames].sort())
})

describe.each(typeNames)('%s', type => {
  const row = findPermissionType(type)!
  const detail = detailOf(type)

  test('normalising a normal form changes nothing', () => {
    fc.assert(
      fc.property(detail, d => {
        expect(normalOne(plainObject(d))).toStrictEqual(d)
      }),
      runs,
    )
  })

  test('the normal form is written by JSON.stringify as canonical JSON', () => {
    fc.assert(
      fc.property(detail, d => {
        expect(JSON.stringify(d)).toBe(canonicalJson(Object.fromEntries(Object.entries(d).reverse())))
      }),
      runs,
    )
  })

  test('subset is reflexive', () => {
    fc.assert(
      fc.property(detail, d => {
        expect(row.subset(d, plainObject(d) as AuthorizationDetail)).toBe(true)
      }),
      runs,
    )
  })

  test('subset is transitive', () => {
    let reached = 0
    fc.assert(
      fc.property(fc.array(detail, { minLength: 12, maxLength: 12 }), list => {
        for (const a of list)
          for (const b of list)
            if (a !== b && detailWithin(a, b))
              for (const c of list)
                if (detailWithin(b, c)) {
                  reached++
                  expect(detailWithin(a, c)).toBe(true)
                }
      }),
      runs,
    )
    expect(reached).toBeGreaterThan(500)
  })

  test('subset both ways means the same normal form, but for the names of variables', () => {
    fc.assert(
      fc.property(detail, detail, (a, b) => {
        if (detailWithin(a, b) && detailWithin(b, a)) expect(withoutNames(a)).toBe(withoutNames(b))
      }),
      runs,
    )
  })

  test('no widening: what a subset allows, its superset allows', () => {
    let reached = 0
    const requests = fc.array(requestOf[type] as fc.Arbitrary<unknown>, { minLength: 20, maxLength: 20 })
    fc.assert(
      fc.property(fc.array(detail, { minLength: 8, maxLength: 8 }), requests, (details, live) => {
        for (const a of details)
          for (const b of details)
            if (a !== b && row.subset(a, b))
              for (const request of live)
                if (row.matches(a, request)) {
                  reached++
                  expect(row.matches(b, request)).toBe(true)
                }
      }),
      runs,
    )
    expect(reached).toBeGreaterThan(100)
  })

  test('its published schema is valid and accepts every entry that is accepted, raw and normal', () => {
    const schema = Compile(plainObject(row.schema) as Record<string, unknown>)
    fc.assert(
      fc.property(rawOf[type] as fc.Arbitrary<Record<string, unknown>>, raw => {
        expect(schema.Check(plainObject(raw))).toBe(true)
        expect(schema.Check(plainObject(normalOne(raw)))).toBe(true)
        expect(schema.Check({ ...raw, extra: 1 })).toBe(false)
      }),
    )
  })

  test('a value of a wrong kind in any field is refused, never thrown over', () => {
    const odd = fc.oneof(
      fc.anything({ withNullPrototype: true }),
      fc.constantFrom(null, '', [], {}, [''], [null], 'x'.repeat(2049)),
    )
    fc.assert(
      fc.property(rawOf[type] as fc.Arbitrary<Record<string, unknown>>, fc.nat(), odd, (raw, at, value) => {
        const fields = Object.keys(row.schema.properties)
        const result = normaliseDetails([{ ...raw, [fields[at % fields.length]!]: value }])
        if (!result.ok) expect(result.reason).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/)
      }),
      runs,
    )
  })
})

test('entries of different types are never within each other', () => {
  fc.assert(
    fc.property(detailOf('agent_http'), detailOf('agent_row'), detailOf('agent_tool'), (http, row, tool) => {
      for (const [a, b] of [
        [http, row],
        [row, tool],
        [tool, http],
      ] as const) {
        expect(detailWithin(a, b) || detailWithin(b, a)).toBe(false)
      }
    }),
  )
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { narrowCeiling } from '#core/claim/narrow.ts'
import { reviewDays } from '#core/claim/review.ts'
import { normalisePermission } from '#core/permission/normalise.ts'
import type { Permission } from '#core/permission/permission.ts'
import { permissionWithin } from '#core/permission/subset.ts'
import { permission } from '../permission/arbitraries.ts'

const http = (uri_template: string, methods = ['GET']) => ({
  type: 'agent_http',
  locations: ['https://a.example'],
  methods,
  uri_template,
})
const made = normalisePermission({ details: [http('/orders/{id}', ['GET', 'POST'])], scopes: ['a', 'b'] })
const ceiling = (made as { value: Permission }).value

describe('what a claimer keeps', () => {
  test('is all of it where nothing is said, and where all of it is said', () => {
    expect(narrowCeiling(ceiling, undefined)).toBeUndefined()
    expect(narrowCeiling(ceiling, { scopes: ['b', 'a'], authorization_details: ceiling.details })).toBeUndefined()
  })

  test('may be less: entries left out, or made narrower', () => {
    expect(narrowCeiling(ceiling, { scopes: ['a'] })).toEqual({ details: [], scopes: ['a'] })
    expect(narrowCeiling(ceiling, { authorization_details: [http('/orders/42')] })?.details).toHaveLength(1)
  })

  test.each([
    ['a scope more', { scopes: ['a', 'c'] }],
    ['a method more', { authorization_details: [http('/orders/{id}', ['DELETE'])] }],
    ['another path', { authorization_details: [http('/{anything}/{id}')] }],
    ['nothing', { scopes: [] }],
  ])('is refused with %s', (_what, keep) => {
    expect(() => narrowCeiling(ceiling, keep)).toThrow(expect.objectContaining({ code: 'validation_failed' }))
  })

  test('is refused with what is no permission', () => {
    expect(() => narrowCeiling(ceiling, { authorization_details: [{ type: 'unknown' }] })).toThrow(/unknown/)
  })

  test('is never more than there was, whatever is asked', () => {
    fc.assert(
      fc.property(permission, permission, (all, asked) => {
        try {
          const kept = narrowCeiling(all, { scopes: asked.scopes, authorization_details: asked.details })
          return kept === undefined || permissionWithin(kept, all)
        } catch {
          return true
        }
      }),
    )
  })
})

test('a review is from tomorrow on and a year ahead at most, on a day that exists', () => {
  const now = Date.parse('2027-02-27T23:59:59Z')
  expect(reviewDays.dayAfter(now, 1)).toBe('2027-02-28')
  for (const day of ['2027-02-28', '2027-03-01', '2028-02-28']) expect(reviewDays.isAllowed(day, now), day).toBe(true)
  for (const day of ['2027-02-27', '2027-02-29', '2028-02-29', '2027-2-28', '27-02-28', 'soon', '2027-02-28T00:00:00Z'])
    expect(reviewDays.isAllowed(day, now), day).toBe(false)
})

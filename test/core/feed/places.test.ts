import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findPlace } from '#core/feed/places.ts'

const stream = (tenantId: string, resourceId = `${tenantId}-r`, n = 0) => ({
  reader: { tenantId, resourceId, credentialId: 'c' },
  n,
})
const times = (count: number, tenantId: string, resourceId?: string) =>
  Array.from({ length: count }, (_, n) => stream(tenantId, resourceId, n))

test('a tenant that has fewer takes the latest place of the one that has most', () => {
  expect(findPlace([...times(5, 'a'), ...times(2, 'b')], stream('c').reader)).toMatchObject({ reader: { tenantId: 'a' }, n: 4 })
})

test('of that tenant it is the resource that has most', () => {
  const taken = [...times(2, 'a', 'small'), ...times(6, 'a', 'large'), ...times(1, 'a', 'small')]
  expect(findPlace(taken, stream('b').reader)).toMatchObject({ reader: { resourceId: 'large' }, n: 5 })
})

test('within a tenant a resource that has fewer takes a place of the one that has most', () => {
  const taken = [...times(5, 'a', 'large'), ...times(1, 'a', 'small')]
  expect(findPlace(taken, stream('a', 'small').reader)).toMatchObject({ reader: { resourceId: 'large' } })
})

test('whoever has most is turned away', () => {
  const taken = [...times(5, 'a'), ...times(2, 'b')]
  expect(findPlace(taken, stream('a').reader)).toBeUndefined()
  expect(findPlace(times(5, 'a'), stream('a').reader)).toBeUndefined()
  expect(findPlace([], stream('a').reader)).toBeUndefined()
})

test('who lost a place cannot take one back at once, so places do not go round in circles', () => {
  const names = fc.constantFrom('a', 'b', 'c')
  fc.assert(
    fc.property(fc.array(fc.tuple(names, names), { minLength: 1, maxLength: 20 }), names, names, (had, tenant, resource) => {
      const taken = had.map(([t, r], n) => stream(t, `${t}-${r}`, n))
      const newcomer = stream(tenant, `${tenant}-${resource}`, 99)
      const lost = findPlace(taken, newcomer.reader)
      if (!lost) return
      const after = [...taken.filter(one => one !== lost), newcomer]
      const back = findPlace(after, lost.reader)
      // It may take one of somebody else who has more still, never the newcomer's.
      expect(back).not.toBe(newcomer)
    }),
  )
})

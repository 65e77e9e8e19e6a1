import { randomBytes, randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { ListNames } from '#core/status-list/list-names.ts'
import { listPlaces } from '#core/status-list/shuffle.ts'
import { StatusPlaces } from '#core/status-list/status-places.ts'

const names = new ListNames(randomBytes(32))
const tenant = { id: randomUUID(), issuer: 'https://broker.example/t/a' }

test('no two tokens get the same place, and a full list is followed by another', () => {
  const places = new StatusPlaces(names)
  const drawn = Array.from({ length: listPlaces + 10 }, () => places.draw(tenant, 1))
  expect(new Set(drawn.map(({ list, idx }) => `${list} ${idx}`)).size).toBe(drawn.length)
  expect(new Set(drawn.map(({ list }) => list)).size).toBe(2)
  expect(drawn.every(({ idx }) => idx >= 0 && idx < listPlaces)).toBe(true)
})

test('processes and tenants have lists of their own, named under the tenant’s issuer', () => {
  const place = new StatusPlaces(names).draw(tenant, 1)
  const places = new StatusPlaces(names)
  const other = places.draw({ id: randomUUID(), issuer: 'https://broker.example/t/b' }, 1)
  expect(new Set([place.list, other.list, places.draw(tenant, 1).list]).size).toBe(3)
  expect(place.uri).toBe(`${tenant.issuer}/status-lists/${names.write(tenant.id, place.list)}`)
})

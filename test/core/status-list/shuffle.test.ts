import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { listPlaces, Shuffle } from '#core/status-list/shuffle.ts'

function takeAll(shuffle: Shuffle): number[] {
  const taken: number[] = []
  for (let place = shuffle.take(); place !== undefined; place = shuffle.take()) taken.push(place)
  return taken
}

test('each place is taken exactly once, whatever the randomness', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.infiniteStream(fc.nat()), (size, numbers) => {
      const taken = takeAll(new Shuffle(below => numbers.next().value % below, size))
      expect(taken.toSorted((a, b) => a - b)).toEqual([...Array(size).keys()])
    }),
  )
})

test('all 65,536 places of a list are taken once, in an order that says nothing of how many were taken', () => {
  const taken = takeAll(new Shuffle(below => randomInt(below)))
  expect(new Set(taken).size).toBe(listPlaces)
  const firstHalf = taken.slice(0, 1000).filter(place => place < listPlaces / 2).length
  expect(firstHalf).toBeGreaterThan(350)
  expect(firstHalf).toBeLessThan(650)
})

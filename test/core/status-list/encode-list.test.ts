import { inflateSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeList } from '#core/status-list/encode-list.ts'
import { listPlaces } from '#core/status-list/shuffle.ts'

const bytesOf = (lst: string): Buffer => inflateSync(Buffer.from(lst, 'base64url'))

test('the specification’s example: b9 a3, packed as it says (draft-ietf-oauth-status-list-21 § 4.1)', () => {
  const revoked = [0, 3, 4, 5, 7, 8, 9, 13, 15]
  expect(bytesOf(encodeList(revoked, 16)).toString('hex')).toBe('b9a3')
  expect(encodeList(revoked, 16)).toBe('eNrbuRgAAhcBXQ')
})

test('a place is set if and only if its token is revoked', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(1023)), revoked => {
      const bytes = bytesOf(encodeList(revoked, 1024))
      const set = Array.from({ length: 1024 }, (_, idx) => idx).filter(idx => (bytes[idx >> 3]! >> (idx & 7)) & 1)
      expect(set).toEqual(revoked.toSorted((a, b) => a - b))
    }),
  )
})

test('a list is as long whether much or little is in it, and small where nothing is', () => {
  expect(bytesOf(encodeList([])).length * 8).toBe(listPlaces)
  expect(encodeList([]).length).toBeLessThan(50)
  const half = Array.from({ length: listPlaces / 2 }, (_, n) => (n * 40_503) % listPlaces)
  expect(encodeList(half).length).toBeLessThan(12_000)
})

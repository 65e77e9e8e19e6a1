import { deflateSync } from 'node:zlib'
import { listPlaces } from './shuffle.ts'

/**
 * A list at one bit a token as base64url of its zlib stream (draft-ietf-oauth-status-list § 4.1): set for those that are revoked, the
 * first place in the lowest bit of the first byte. places: how many the list has, a multiple of 8.
 */
export function encodeList(revoked: readonly number[], places: number = listPlaces): string {
  const bytes = Buffer.alloc(places / 8)
  for (const idx of revoked) bytes[idx >> 3]! |= 1 << (idx & 7)
  return deflateSync(bytes, { level: 9 }).toString('base64url')
}

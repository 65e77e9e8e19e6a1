// Random bytes from the system's generator, fetched in larger pieces: a call for sixteen bytes costs as much as one for
// thousands, and a token needs a handful. Each byte is handed out once.

import { randomFillSync } from 'node:crypto'

const pool = Buffer.allocUnsafeSlow(32 * 1024)
let used = pool.length

/** length: at most 1024. The bytes are the caller's own. */
export function takeRandom(length: number): Buffer {
  return Buffer.from(reserve(length))
}

/** base64url of so many random bytes; 16 give 128 bits in 22 characters. */
export function randomText(length: number): string {
  return reserve(length).toString('base64url')
}

function reserve(length: number): Buffer {
  if (used + length > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += length
  return pool.subarray(used - length, used)
}

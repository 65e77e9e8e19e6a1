// A stream outlives the request that opened it, but not the token: it ends when that ends, when it is revoked, and when neither
// can be known any more.

import type { Guard } from '../guard.ts'
import type { Allowed } from '../verdict.ts'

const everyMs = 1_000

/** Calls `end` once, within a second of the token's end. Returns what stops watching. */
export function whileItHolds(guard: Guard, allowed: Allowed, end: () => void): () => void {
  const stop = (): void => clearInterval(timer)
  const timer = setInterval(async () => {
    if (await guard.holds(allowed)) return
    stop()
    end()
  }, everyMs).unref()
  return stop
}

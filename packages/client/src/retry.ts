// When to try again. Only what may pass by itself is repeated: no answer, 429, 503. The broker's own word (`Retry-After`)
// goes before our guess, and a wait that is too long is the caller's to decide.

import { MayflyError } from './mayfly-error.ts'

/** Bounds of repeating. */
export interface RetryOptions {
  /** Attempts in all, the first among them. Default 4. */
  readonly attempts?: number
  /** The first wait, doubled each time and spread at random. Default 200 ms. */
  readonly baseDelayMs?: number
  /** The longest wait; a longer `Retry-After` is handed to the caller as an error at once. Default 10,000 ms. */
  readonly maxDelayMs?: number
}

/** Seconds of a `Retry-After` header (RFC 9110 § 10.2.3): a number, or a date. Undefined where it is neither. */
export function retryAfterSeconds(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header.trim())) return Number(header)
  const date = /[A-Za-z]{3}/.test(header) ? Date.parse(header) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - nowMs) / 1000))
}

/** Milliseconds to wait after a failed attempt (1 = the first); undefined where it should not be repeated. `random` is in [0, 1). */
export function delayAfter(error: unknown, attempt: number, options: RetryOptions, random: number): number | undefined {
  const { attempts = 4, baseDelayMs = 200, maxDelayMs = 10_000 } = options
  if (attempt >= attempts || !(error instanceof MayflyError) || !mayPass(error)) return undefined
  const guess = Math.min(baseDelayMs * 2 ** (attempt - 1), maxDelayMs) * (0.5 + random / 2)
  if (error.retryAfterSeconds === undefined) return guess
  const told = error.retryAfterSeconds * 1000
  return told > maxDelayMs ? undefined : told + random * baseDelayMs
}

/** Whether the same request may succeed later without anything being changed. */
export function mayPass(error: unknown): boolean {
  if (!(error instanceof MayflyError)) return false
  return error.error === 'connection_failed' || error.status === 429 || error.status === 503
}

/** Waits; rejects with the signal's reason when it aborts. */
export function wait(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, delayMs)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

// What is told about a thing: lines with a name, and the same as JSON.

export interface Explanation {
  /** `task token`, `client certificate` … */
  readonly kind: string
  readonly lines: readonly Line[]
  /** For --json, beside `kind`. */
  readonly facts: Readonly<Record<string, unknown>>
}

export type Line = readonly [name: string, text: string]

/** Lines without those that have nothing to say. */
export const lines = (all: readonly (readonly [string, string | undefined])[]): Line[] =>
  all.filter((line): line is Line => line[1] !== undefined && line[1] !== '')

/** `2026-11-22 22:36:05Z` of seconds since 1970. */
export function timeText(seconds: unknown): string | undefined {
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || Math.abs(seconds) > 8.64e12) return undefined
  return new Date(seconds * 1000).toISOString().replace('T', ' ').replace('.000', '')
}

/** `4 min 12 s`, the two largest units. seconds: not negative. */
export function spanText(seconds: number): string {
  const units: readonly (readonly [string, number])[] = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ]
  const parts: string[] = []
  let left = Math.round(seconds)
  for (const [name, size] of units) {
    if (left >= size) parts.push(`${Math.floor(left / size)} ${name}`)
    left %= size
  }
  return parts.slice(0, 2).join(' ') || '0 s'
}

/** From when until when, and what that means now. All in seconds since 1970. */
export function validityText(from: unknown, until: unknown, nowSeconds: number): string {
  const [begin, end] = [timeText(from), timeText(until)]
  if (end === undefined) return 'it says no end: nobody should accept it'
  if (nowSeconds >= Number(until)) return `ENDED ${spanText(nowSeconds - Number(until))} ago, at ${end}`
  if (begin !== undefined && nowSeconds < Number(from)) return `not before ${begin}`
  return `until ${end} (${spanText(Number(until) - nowSeconds)} left)`
}

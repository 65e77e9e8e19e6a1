// Times as people say them. Always from the broker's clock, see api/request.ts.

const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' })
const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const

/** `23 Nov 2026, 01:21`, in the zone of whoever reads it. */
export const showMoment = (time: string): string => moment.format(new Date(time))

/** @param date `2027-05-22`. @returns `22 May 2027` */
export const showDay = (date: string): string => day.format(new Date(`${date.slice(0, 10)}T00:00:00Z`))

/** `3 minutes`, `1 hour`, `2 days`: the largest unit, rounded down. */
export function showDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const [unit, size] = units.find(([, each]) => whole >= each) ?? units[3]
  const count = Math.floor(whole / size)
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

/** As a clock where it is less than an hour, `14:05`; in words where it is more. */
export function showCountdown(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  if (whole >= 3_600) return showDuration(whole)
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}

/** Seconds from `nowMs` to `time`; negative when it has passed. */
export const secondsUntil = (time: string, nowMs: number): number => (Date.parse(time) - nowMs) / 1000

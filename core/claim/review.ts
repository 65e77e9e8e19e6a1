const dayMs = 86_400_000

/** When an owner looks at an account again. Days are UTC's. */
export const reviewDays = {
  standard: 90,
  longest: 366,
  /** `YYYY-MM-DD`, so many days after. */
  dayAfter: (nowMs: number, days: number): string => new Date(nowMs + days * dayMs).toISOString().slice(0, 10),
  /** Whether a day is tomorrow or later, and not too far. A text that is no day of the calendar is not. */
  isAllowed(day: string, nowMs: number): boolean {
    const at = Date.parse(`${day}T00:00:00Z`)
    if (!/^\d{4}-\d{2}-\d{2}$/.test(day) || Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== day) return false
    return day > reviewDays.dayAfter(nowMs, 0) && day <= reviewDays.dayAfter(nowMs, reviewDays.longest)
  },
} as const

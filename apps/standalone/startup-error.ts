/**
 * Why standalone mode could not start, for the person at the terminal: what failed, why, and what to do about it.
 * Not a `BrokerError`: no client of the API ever sees it.
 */
export class StartupError extends Error {
  readonly what: string
  readonly why: string
  readonly remedy: string

  constructor(text: { what: string; why: string; remedy: string; cause?: unknown }) {
    super(`${text.what}\n  Why: ${text.why}\n  What to do: ${text.remedy}`, { cause: text.cause })
    this.name = 'StartupError'
    this.what = text.what
    this.why = text.why
    this.remedy = text.remedy
  }
}

/** The system's code of an error (`EACCES`, `ENOSPC` …), if it has one. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

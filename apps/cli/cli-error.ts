// Every failure that a person sees: what happened, why, and what to do next. Exit codes: 1 refused or failed, 2 wrong usage.

import { visible } from './output/visible.ts'

export interface Failure {
  readonly what: string
  readonly why?: string
  readonly next?: string
  /** HTTP status of the broker's refusal. */
  readonly status?: number
  /** The broker's error code, as in docs/errors.md. */
  readonly code?: string
}

export class CliError extends Error {
  readonly failure: Failure
  readonly exitCode: number = 1

  constructor(failure: Failure) {
    super(failure.what)
    this.name = 'CliError'
    this.failure = failure
  }
}

/** The command was not typed as it must be; nothing was done. */
export class UsageError extends CliError {
  override readonly exitCode = 2
}

/** Ends `mayfly` with the exit code of a command that it ran; there is nothing to say about it. */
export class CommandEnded extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super(`the command ended with ${exitCode}`)
    this.name = 'CommandEnded'
    this.exitCode = exitCode
  }
}

/** JSON Web Tokens and Mayfly secrets: no failure ever shows one, whoever put it into its text. */
const credentials = /\beyJ[\w-]*(?:\.[\w-]*)+|\bmf[a-z]_[\w-]{20,}/g

const clean = (text: string): string => visible(text.replace(credentials, '[removed]'))

/** The failure without secrets and control characters, ready to be shown. */
export function cleanFailure(failure: Failure): Failure {
  const { what, why, next, ...rest } = failure
  return {
    what: clean(what),
    ...(why !== undefined && { why: clean(why) }),
    ...(next !== undefined && { next: clean(next) }),
    ...rest,
  }
}

/** The system's code of an error (`ENOENT`, `EACCES` …), if it has one. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

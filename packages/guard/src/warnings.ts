// What an operator should know and no caller is told: each said once.

/** Code of a warning. */
export type WarningCode = 'revocation_none' | 'stale_bound_wide' | 'feed_stale' | 'feed_back' | 'hook_failed'

/** Takes a warning. */
export type OnWarning = (message: string, code: WarningCode) => void

/** The default: a warning of the process, on stderr unless somebody listens for it. */
export const processWarning: OnWarning = (message, code) => {
  process.emitWarning(message, { type: 'MayflyGuardWarning', code: `mayfly_guard_${code}` })
}

// What an operator should know and no caller is told: each said once.

/** Code of a warning. */
export type WarningCode = 'revocation_none' | 'stale_bound_wide' | 'feed_stale' | 'feed_back' | 'keys_unavailable' | 'hook_failed'

/** Takes a warning. */
export type OnWarning = (message: string, code: WarningCode) => void

/** The default: a warning of the process, on stderr unless somebody listens for it. */
export const processWarning: OnWarning = (message, code) => {
  process.emitWarning(message, { type: 'MayflyGuardWarning', code: `mayfly_guard_${code}` })
}

/** Why the issuer's keys cannot be read, and what to do where the reason is known. */
export function keysWarning(issuer: string, error: unknown): string {
  const { message = String(error), code = '' } = (error ?? {}) as { readonly message?: string; readonly code?: string }
  const untrusted = /SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|CERT_UNTRUSTED/.test(code)
  const advice = untrusted ? ' Name the authority that vouches for the broker: tls: { caFile }.' : ''
  return `The keys of ${issuer} cannot be read, so requests are refused: ${message}.${advice}`
}

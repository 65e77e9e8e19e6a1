import type { MayflyError } from '../../../packages/client/src/index.ts'
import { unreachable } from '../broker/refusal.ts'
import { CliError } from '../cli-error.ts'

/** What to do about an OAuth error; the broker says little on purpose: a stranger must not learn how far it came. */
const advice: Readonly<Record<string, string>> = {
  invalid_request:
    'Look at the workload token (mayfly explain -): its issuer and audience must be those of a trust source, and one agent’s rules must match it.',
  invalid_client: 'Use the certificate or key that the agent’s registration names: mayfly agents get NAME',
  invalid_target:
    'The resource must be registered, and the agent’s ceiling must reach it: mayfly resources list, mayfly agents get NAME',
  invalid_scope: 'Ask for less, or widen the agent’s ceiling: mayfly agents get NAME',
  invalid_authorization_details:
    'Ask for less, or widen the agent’s ceiling: mayfly agents get NAME. An account keeps the ceiling that it was opened with: then begin another task with --task-id.',
  access_denied: 'The account may have ended: begin another task with --task-id.',
  invalid_metadata: 'Name the tenant’s issuer exactly with --issuer: mayfly tenants list',
  temporarily_unavailable: 'Try again in a moment.',
}

function adviceFor({ error, description }: MayflyError): string {
  if (error === 'access_denied' && description.includes('suspended'))
    return 'An operator ends that: mayfly agents reinstate NAME, or mayfly trust-sources reinstate NAME'
  return advice[error] ?? 'See docs/errors.md.'
}

/** A failed exchange in words for the person at the terminal. */
export function tokenFailure(url: string, error: MayflyError): CliError {
  if (error.error === 'connection_failed') return unreachable(url, error.description)
  const wait = error.retryAfterSeconds
  return new CliError({
    what: `No token was issued (${error.error}).`,
    why: error.description,
    next: wait === undefined ? adviceFor(error) : `Try again in ${wait} s.`,
    ...(error.status !== 0 && { status: error.status }),
    code: error.error,
  })
}

import type { MayflyError } from '../../../packages/client/src/index.ts'
import { unreachable } from '../broker/refusal.ts'
import { CliError } from '../cli-error.ts'

const advice: Readonly<Record<string, string>> = {
  invalid_target: 'See that the resource is registered under exactly this URI: mayfly resources list',
  invalid_scope: 'See what the resource offers: mayfly resources get URI',
  access_denied: 'See what the agent may at most (ceiling): mayfly agents get NAME',
  invalid_authorization_details: 'docs/reference/permission-types.md shows what an entry is.',
  invalid_request:
    'Look at what the token says of itself: mayfly explain -. Then at the trust source: mayfly trust-sources get NAME',
  invalid_client: 'See that the agent’s registration names this key or certificate: mayfly agents get NAME',
  invalid_dpop_proof: 'See that the agent’s registration or the workload token names this key.',
  temporarily_unavailable: 'Try again in a moment.',
}

/** The broker's answer to a token request, for the person at the terminal. */
export function tokenRefusal(issuer: string, error: MayflyError): CliError {
  if (error.error === 'connection_failed') return unreachable(issuer, error.description)
  return new CliError({
    what: `No token: ${error.error}${error.status > 0 ? ` (${error.status})` : ''}.`,
    why: error.description || 'The broker says no more.',
    next: advice[error.error] ?? 'See docs/errors.md.',
    ...(error.status > 0 && { status: error.status }),
    code: error.error,
  })
}

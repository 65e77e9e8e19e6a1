// A refusal of the broker (RFC 9457) in words for the person at the terminal.

import type { ManagementAnswer } from '../../../packages/client/src/index.ts'
import { CliError } from '../cli-error.ts'

/** What to do about an error code; docs/errors.md says more. */
const advice: Readonly<Record<string, string>> = {
  invalid_token: 'Sign in again: mayfly login. In scripts: set MAYFLY_TOKEN to an operator token that is still valid.',
  insufficient_scope:
    'See who you are with: mayfly whoami. Ask somebody with the role that this needs, or choose another --profile.',
  not_found: 'See what there is with the list command. What belongs to another tenant is not found either.',
  conflict: 'Look at what is registered with the list command.',
  validation_failed: 'Correct what is named, and try again. The help of the command shows an example.',
  invalid_cursor: 'Begin again without --cursor.',
  idempotency_not_replayable: 'See whether it was made with the list command; delete it there and create another.',
  temporarily_unavailable: 'Try again in a moment.',
  server_error: 'Look up the request in the broker’s log.',
  method_not_allowed: 'This broker is older than this command line. Update it.',
}

/** doing: "agents create", for the first line. */
export function refusalOf(doing: string, { status, body = {}, retryAfterSeconds }: ManagementAnswer): CliError {
  const code = textOf(body['type'])?.replace('urn:mayfly:error:', '')
  const reasons = [
    textOf(body['detail']) ?? textOf(body['title']) ?? `The broker answered with status ${status}.`,
    ...faultsOf(body),
  ]
  const request = textOf(body['instance'])
  return new CliError({
    what: `mayfly ${doing}: refused (${status}${code ? ` ${code}` : ''}).`,
    why: [...reasons, ...(request ? [`Request ${request} in the broker's log.`] : [])].join('\n'),
    next:
      retryAfterSeconds === undefined ? (advice[code ?? ''] ?? 'See docs/errors.md.') : `Try again in ${retryAfterSeconds} s.`,
    status,
    ...(code !== undefined && { code }),
  })
}

function faultsOf(body: Readonly<Record<string, unknown>>): string[] {
  const errors = Array.isArray(body['errors']) ? body['errors'] : []
  return errors.map(({ pointer, detail }) => `${pointer || 'the whole'}: ${detail}`)
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

const untrusted = /SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|CERT_(HAS_EXPIRED|UNTRUSTED)|DEPTH_ZERO|ALTNAME/

/** What to do where no answer came. description: of the MayflyError, which ends in the system's code. */
export function unreachable(url: string, description: string): CliError {
  const next = untrusted.test(description)
    ? 'Its certificate is not trusted here: name its authority with MAYFLY_CA_FILE, or mayfly profile add NAME --url … --ca-file FILE.'
    : 'See that it runs (npm start, for development) and that the address is right: mayfly profile list.'
  return new CliError({ what: `The broker at ${url} cannot be reached.`, why: `It says: ${description}.`, next })
}

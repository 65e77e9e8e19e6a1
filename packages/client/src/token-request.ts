// What is asked for, and how it stands in the form of a token exchange (RFC 8693 § 2.1).

import type { TaskTokenValue } from './token-response.ts'

/** What a task token is to be good for. */
export interface Permissions {
  /** The protected resource (RFC 8707), as registered. */
  readonly resource: string
  /** Scopes, as a list or separated by spaces. */
  readonly scope?: string | readonly string[]
  /** What exactly (RFC 9396), for example `{ type: 'agent_http', locations, methods, uri_template }`. */
  readonly authorizationDetails?: readonly Readonly<Record<string, unknown>>[]
  /** The task that the account is for. The first token for a new task opens its account. */
  readonly taskId?: string
  /** The account to stay in. */
  readonly accountId?: string
  /** Wished lifetime, in seconds. The broker may give less. */
  readonly ttl?: number
  /** A nonce that the resource issued (`Task-Nonce`). */
  readonly nonce?: string
  /** What the task is about, in words; may narrow what is granted, never widen it. A broker that cannot read it refuses it. */
  readonly intent?: string
  /** Drop whole entries that may not be granted, where otherwise the request would be refused. */
  readonly allowNarrowing?: boolean
}

/** The credential that is exchanged. */
export interface SubjectToken {
  readonly token: string
  readonly type: string
}

/** `urn:ietf:params:oauth:token-type:jwt`: workload tokens of CI systems, Kubernetes, clouds, SPIFFE. */
export const jwtTokenType = 'urn:ietf:params:oauth:token-type:jwt'

/**
 * The form of one exchange; without a subject token the client itself is the subject (RFC 6749 § 4.4). `current` is the token that
 * it renews: a renewal stays in that token's account.
 */
export function exchangeForm(
  permissions: Permissions,
  subject: SubjectToken | undefined,
  current: TaskTokenValue | undefined,
): URLSearchParams {
  const { resource, scope, authorizationDetails, taskId, accountId, ttl, nonce, intent, allowNarrowing } = permissions
  const account = accountId ?? current?.accountId
  const members: Record<string, string | undefined> = {
    ...(subject ? exchangeOf(subject) : { grant_type: 'client_credentials' }),
    resource,
    scope: typeof scope === 'object' ? scope.join(' ') : scope,
    authorization_details: authorizationDetails && JSON.stringify(authorizationDetails),
    account_id: account,
    // Once the account is known it says more than the task, and a renewal can never open another one.
    task_id: account === undefined ? taskId : undefined,
    ttl: ttl === undefined ? undefined : String(ttl),
    nonce,
    intent,
    allow_narrowing: allowNarrowing ? 'true' : undefined,
  }
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(members)) if (value !== undefined && value !== '') form.set(name, value)
  return form
}

function exchangeOf({ token, type }: SubjectToken): Record<string, string> {
  return {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token: token,
    subject_token_type: type,
  }
}

// The broker's answer to a token exchange (RFC 8693 § 2.2.1), checked before anything is made of it.

import type { BrokerAnswer } from './broker-connection.ts'
import { MayflyError } from './mayfly-error.ts'

/** A task token and what came with it. */
export interface TaskTokenValue {
  /** What to send to the resource. Opaque: do not read it. */
  readonly accessToken: string
  /** `Bearer`, or `DPoP` for a token bound to a DPoP key. */
  readonly tokenType: string
  readonly expiresAt: Date
  /** The temporary account that the token lives in. */
  readonly accountId: string | undefined
  readonly taskId: string | undefined
  readonly accountExpiresAt: Date | undefined
  /** Where a human can take over the account. Comes once, with the token that opened it; holds a secret. */
  readonly claimUri: string | undefined
  /** What was granted, which may differ from what was asked. */
  readonly authorizationDetails: readonly Readonly<Record<string, unknown>>[]
  readonly scope: readonly string[]
}

/** Reads an answer that came at `receivedAtMs` to a request sent at `sentAtMs`. Throws a MayflyError where it is a refusal or unusable. */
export function readTokenResponse(answer: BrokerAnswer, asked: { scope: readonly string[]; sentAtMs: number }): TaskTokenValue {
  const { status, body } = answer
  if (status !== 200) throw refusalOf(answer)
  const accessToken = body?.['access_token']
  const tokenType = body?.['token_type']
  const expiresIn = body?.['expires_in']
  if (!body || !isText(accessToken) || !isText(tokenType) || !isSeconds(expiresIn)) {
    throw new MayflyError({
      error: 'invalid_response',
      description: 'the answer lacks access_token, token_type or expires_in',
      status,
    })
  }
  const accountExpiresIn = body['account_expires_in']
  const details = body['authorization_details']
  return {
    accessToken,
    tokenType: tokenTypes.get(tokenType.toLowerCase()) ?? tokenType,
    // Counted from when the request left, so that the token is never taken for longer-lived than it is.
    expiresAt: new Date(asked.sentAtMs + expiresIn * 1000),
    accountId: textOf(body['account_id']),
    taskId: textOf(body['task_id']),
    accountExpiresAt: isSeconds(accountExpiresIn) ? new Date(asked.sentAtMs + accountExpiresIn * 1000) : undefined,
    claimUri: textOf(body['claim_uri']),
    authorizationDetails: Array.isArray(details) ? details : [],
    // An absent scope means: as asked (RFC 6749 § 5.1).
    scope: textOf(body['scope'])?.split(' ') ?? asked.scope,
  }
}

/** The error that a refusal of an OAuth endpoint stands for (RFC 6749 § 5.2). */
export function refusalOf({ status, body, retryAfterSeconds }: BrokerAnswer): MayflyError {
  return new MayflyError({
    error: textOf(body?.['error']) ?? (status === 429 || status === 503 ? 'temporarily_unavailable' : 'invalid_response'),
    description: textOf(body?.['error_description']) ?? `the broker answered with status ${status}`,
    status,
    retryAfterSeconds,
  })
}

/** RFC 6749 § 7.1: case does not matter. */
const tokenTypes: ReadonlyMap<string, string> = new Map(['Bearer', 'DPoP'].map(name => [name.toLowerCase(), name]))

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isSeconds = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value > 0
const textOf = (value: unknown): string | undefined => (isText(value) ? value : undefined)

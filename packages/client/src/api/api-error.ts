// A refusal of the API (RFC 9457) as an error: what it is by its code, what to do about it by its words.

import { MayflyError } from '../mayfly-error.ts'
import type { BrokerErrorCode } from './generated.ts'

/** A member of the body that does not fit. */
export interface FaultyMember {
  /** RFC 6901 pointer into the body; empty: the whole of it. */
  readonly pointer: string
  readonly detail: string
}

/** The broker refused a call. */
export class ApiError extends MayflyError {
  override readonly error: BrokerErrorCode | 'quota_exceeded' | (string & {})
  /** Id of the request, as in the broker's log. */
  readonly requestId: string | undefined
  /** What of the body does not fit, where it is that. */
  readonly faults: readonly FaultyMember[]
  /** Names of the limits that are reached, where it is that. */
  readonly limits: readonly string[]

  constructor({ status, body = {}, retryAfterSeconds }: RefusedAnswer) {
    const { type, title, detail, instance, errors } = body
    const words = [detail, title, body['error_description']].find(text => typeof text === 'string')
    const error =
      codeOf(type) ?? codeOf(body['error']) ?? (status === 429 || status === 503 ? 'temporarily_unavailable' : 'invalid_response')
    const description = typeof words === 'string' ? words : `the broker answered with status ${status}`
    super({ error, description, status, retryAfterSeconds })
    this.error = error
    this.requestId = typeof instance === 'string' ? instance : undefined
    this.faults = Array.isArray(errors) ? (errors as FaultyMember[]) : []
    const limits = body['violated-policies']
    this.limits = Array.isArray(limits) ? (limits as string[]) : []
  }

  /** Whether it is this refusal. */
  is(code: BrokerErrorCode | 'quota_exceeded'): boolean {
    return this.error === code
  }
}

/** What came back. */
export interface RefusedAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>> | undefined
  readonly retryAfterSeconds: number | undefined
}

const quotaType = 'https://iana.org/assignments/http-problem-types#quota-exceeded'

/** The code in a problem's type. */
function codeOf(type: unknown): string | undefined {
  if (typeof type !== 'string' || type === '') return undefined
  return type === quotaType ? 'quota_exceeded' : type.replace('urn:mayfly:error:', '')
}

import { type ErrorCode, errorCodes } from './codes.ts'

export interface ErrorInfo {
  readonly hint?: string
  readonly detail?: string
  readonly cause?: unknown
  readonly retryAfterSeconds?: number
  readonly dpopNonce?: string
}

/**
 * What core and db throw. `code` decides status and wire error (`codes.ts`).
 *
 * `hint` is shown to the client after the row's public text: what was wrong with *its* input and what to do, never a
 * secret, a token or another tenant's data. `detail` is for operators' logs only. `retryAfterSeconds` fills `Retry-After`,
 * `dpopNonce` fills `DPoP-Nonce`.
 */
export class BrokerError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly detail: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly dpopNonce: string | undefined

  constructor(code: ErrorCode, info: ErrorInfo = {}) {
    super(info.detail ?? info.hint ?? code, { cause: info.cause })
    this.name = 'BrokerError'
    this.code = code
    this.hint = info.hint
    this.detail = info.detail
    this.retryAfterSeconds = info.retryAfterSeconds
    this.dpopNonce = info.dpopNonce
  }

  /** Public sentence(s): the row's text, then the hint. */
  get publicText(): string {
    const { text } = errorCodes[this.code]
    return this.hint ? `${text} ${this.hint}` : text
  }
}

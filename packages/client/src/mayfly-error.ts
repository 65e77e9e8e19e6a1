// One error for everything that can go wrong on the way to a token. It never holds a token, a key or a body: what the broker
// says is cut, and what looks like a credential in it is blanked, because errors end up in logs.

/** What is known of a failure. */
export interface MayflyErrorFields {
  /** OAuth error code (`invalid_target`, `access_denied`, …), or one of ours: see `MayflyError.error`. */
  readonly error: string
  readonly description: string
  /** HTTP status; 0 where no answer came. */
  readonly status?: number
  readonly retryAfterSeconds?: number | undefined
}

/** A token could not be had, or not be used. */
export class MayflyError extends Error {
  override readonly name = 'MayflyError'
  /**
   * The broker's OAuth error code; or, where it did not come to that: `connection_failed`, `invalid_response`,
   * `invalid_metadata`, `invalid_use` (a request that must not be made).
   */
  readonly error: string
  /** One sentence for a human. Holds no secrets. */
  readonly description: string
  /** HTTP status of the broker's answer; 0 where none came. */
  readonly status: number
  /** When to try again, in seconds, where the broker said so. */
  readonly retryAfterSeconds: number | undefined

  constructor(fields: MayflyErrorFields) {
    const error = clean(fields.error, 64)
    const description = clean(fields.description, 500)
    super(description === '' ? error : `${error}: ${description}`)
    this.error = error
    this.description = description
    this.status = fields.status ?? 0
    this.retryAfterSeconds = fields.retryAfterSeconds
  }
}

/** JSON Web Tokens, Mayfly secrets, and any other long run of token characters. */
const credentials = /\beyJ[\w-]*(?:\.[\w-]*)*|\bmf[a-z]_[\w-]+|[\w+/=-]{64,}/g

function clean(text: string, limit: number): string {
  return text
    .replace(credentials, '[removed]')
    .replace(/[\u0000-\u001f\u007f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, ' ')
    .slice(0, limit)
}

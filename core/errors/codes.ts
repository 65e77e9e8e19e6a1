// The one table of error codes. Each row says what a client sees; the reason that only operators see travels in
// `BrokerError.detail` or in the audit log and is never put on the wire.
// `docs/errors.md` documents every row; test/core/errors holds the two against each other.

/** status: HTTP status. wire: the OAuth `error` value (RFC 6749 § 5.2 and registrations after it), or the problem type on `/v1`. text: public, fixed. */
export interface ErrorRow {
  readonly status: number
  readonly wire: string
  readonly text: string
}

const row = (status: number, wire: string, text: string): ErrorRow => ({ status, wire, text })

export const errorCodes = {
  malformed_request: row(400, 'invalid_request', 'The request is malformed.'),
  unsupported_media_type: row(
    415,
    'invalid_request',
    'Send application/x-www-form-urlencoded in UTF-8 to OAuth endpoints, application/json to all others.',
  ),
  body_too_large: row(413, 'invalid_request', 'The request body is too large.'),
  unsupported_grant: row(400, 'unsupported_grant_type', 'This grant type is not supported here.'),
  unsupported_token_type: row(400, 'invalid_request', 'This token type is not supported here.'),
  subject_token_refused: row(400, 'invalid_request', 'The subject token was not accepted.'),
  assertion_refused: row(400, 'invalid_grant', 'The assertion was not accepted.'),
  client_not_authenticated: row(401, 'invalid_client', 'The client did not prove its key.'),
  dpop_proof_refused: row(400, 'invalid_dpop_proof', 'The DPoP proof was not accepted.'),
  dpop_nonce_required: row(400, 'use_dpop_nonce', 'The DPoP proof must carry a nonce of this broker.'),
  target_refused: row(400, 'invalid_target', 'The requested resource cannot be granted.'),
  scope_refused: row(400, 'invalid_scope', 'The requested scope cannot be granted.'),
  details_refused: row(400, 'invalid_authorization_details', 'The requested authorization_details cannot be granted.'),
  access_denied: row(400, 'access_denied', 'The request was refused.'),
  not_your_token: row(400, 'invalid_request', 'This token belongs to another client.'),
  account_not_live: row(400, 'access_denied', 'The account has ended.'),
  too_many_requests: row(429, 'temporarily_unavailable', 'Too many requests. Retry after the stated time.'),
  quota_exceeded: row(429, 'temporarily_unavailable', 'A limit is reached.'),
  work_refused: row(400, 'invalid_grant', 'The proof of work was not accepted.'),
  quota_used_up: row(400, 'access_denied', 'The account has used all that it may ever use.'),
  overloaded: row(503, 'temporarily_unavailable', 'The broker is busy. Retry after the stated time.'),
  log_unavailable: row(
    503,
    'temporarily_unavailable',
    'The audit log cannot be written, so no token is issued. Retry after the stated time.',
  ),
  trust_source_unavailable: row(
    503,
    'temporarily_unavailable',
    'The keys of the token issuer cannot be read. Retry after the stated time.',
  ),
  feed_unavailable: row(
    503,
    'temporarily_unavailable',
    'The feed of revocations cannot be read now. Retry after the stated time.',
  ),
  log_not_sealed: row(503, 'log_not_sealed', 'The sealed log cannot be read here.'),
  log_inconsistent: row(500, 'log_inconsistent', 'The sealed log does not hold together, so nothing is proven by it.'),
  entry_not_sealed: row(404, 'entry_not_sealed', 'No entry is sealed there yet. Retry after the stated time.'),
  enrolment_refused: row(400, 'invalid_grant', 'No certificate was issued: the proof was not accepted.'),
  csr_refused: row(400, 'invalid_request', 'No certificate was issued: the certificate signing request was not accepted.'),
  attachment_busy: row(409, 'attachment_busy', 'This attachment is being worked on. Retry after the stated time.'),
  connector_failed: row(502, 'connector_failed', 'What the connector stands for did not do its part.'),
  internal: row(500, 'server_error', 'Something failed inside the broker.'),
  not_authenticated: row(401, 'invalid_token', 'Present a valid credential.'),
  forbidden: row(403, 'insufficient_scope', 'This credential may not do that.'),
  sign_in_refused: row(401, 'sign_in_refused', 'The sign-in was not accepted.'),
  no_role: row(403, 'no_role', 'No rule of this sign-in provider gives you a role.'),
  second_person_needed: row(403, 'second_person_needed', 'Another person must decide on this change.'),
  not_found: row(404, 'not_found', 'Nothing is registered there.'),
  method_not_allowed: row(405, 'method_not_allowed', 'This method is not offered here.'),
  history_not_kept: row(501, 'invalid_request', 'Only the present state is kept.'),
  conflict: row(409, 'conflict', 'This conflicts with what is already registered.'),
  already_consumed: row(409, 'already_consumed', 'This token was used before.'),
  token_revoked: row(409, 'token_revoked', 'This token was revoked.'),
  idempotency_mismatch: row(422, 'idempotency_mismatch', 'This Idempotency-Key was used with another body.'),
  idempotency_in_flight: row(409, 'idempotency_in_flight', 'The first request with this Idempotency-Key is still running.'),
  idempotency_not_replayable: row(
    409,
    'idempotency_not_replayable',
    'This request was done before, and its answer held a secret that is shown once.',
  ),
  sign_in_needed: row(401, 'sign_in_needed', 'Sign in first.'),
  origin_refused: row(403, 'origin_refused', "This must come from the console's own pages."),
  other_tenant: row(403, 'other_tenant', 'You are signed in as somebody of another tenant.'),
  not_claimable_by_you: row(403, 'not_claimable_by_you', 'You may not claim this account.'),
  already_claimed: row(409, 'already_claimed', 'Somebody has claimed this account already.'),
  claim_expired: row(410, 'claim_expired', 'This link does not open an account any more.'),
  wrong_code: row(400, 'wrong_code', 'This is not the code that the agent shows.'),
  too_many_codes: row(429, 'too_many_codes', 'Too many wrong codes. Let the agent show a new one.'),
  validation_failed: row(400, 'validation_failed', 'The body does not fit this endpoint.'),
  invalid_cursor: row(400, 'invalid_cursor', 'This cursor was not issued here.'),
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errorCodes

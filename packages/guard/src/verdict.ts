// Why a request was let through or refused. The reason is for the operator's log and for the decision report; what the
// caller sees is only the row beside it, so that a probe learns no more than the RFCs make us say.

import type { GrantedDetail } from './permission/detail.ts'
import type { TaskTokenClaims } from './token/claims.ts'

/** status: HTTP status. error: RFC 6750 § 3.1 or RFC 9449 § 7.1 value, absent where no credentials were sent. */
interface ReasonRow {
  readonly status: 401 | 403 | 503
  readonly error?: keyof typeof descriptions
}

const unauthorized = { status: 401, error: 'invalid_token' } as const
const forbidden = { status: 403, error: 'insufficient_scope' } as const
const badProof = { status: 401, error: 'invalid_dpop_proof' } as const
const unavailable = { status: 503, error: 'temporarily_unavailable' } as const

/** The one table of reasons. */
export const reasons = {
  no_credentials: { status: 401 },
  credentials_malformed: unauthorized,
  token_malformed: unauthorized,
  token_too_large: unauthorized,
  header_refused: unauthorized,
  algorithm_refused: unauthorized,
  key_unknown: unauthorized,
  signature_invalid: unauthorized,
  type_refused: unauthorized,
  claims_malformed: unauthorized,
  issuer_mismatch: unauthorized,
  audience_mismatch: unauthorized,
  token_expired: unauthorized,
  token_from_the_future: unauthorized,
  token_too_old: unauthorized,
  binding_absent: unauthorized,
  certificate_missing: unauthorized,
  certificate_mismatch: unauthorized,
  proof_not_accepted: unauthorized,
  proof_missing: badProof,
  proof_malformed: badProof,
  proof_for_another: badProof,
  proof_not_of_now: badProof,
  proof_key_refused: badProof,
  proof_signature_invalid: badProof,
  proof_already_used: badProof,
  proof_nonce_needed: { status: 401, error: 'use_dpop_nonce' },
  scheme_mismatch: unauthorized,
  resource_hash_mismatch: unauthorized,
  replay_mode_refused: unauthorized,
  token_revoked: unauthorized,
  status_missing: unauthorized,
  token_already_used: unauthorized,
  nonce_not_issued_here: unauthorized,
  detail_not_understood: forbidden,
  path_refused: forbidden,
  query_not_granted: forbidden,
  override_header_refused: forbidden,
  operation_not_granted: forbidden,
  scope_missing: forbidden,
  body_digest_mismatch: forbidden,
  keys_unavailable: unavailable,
  consume_unavailable: unavailable,
  revocation_unknown: unavailable,
  nonce_store_full: unavailable,
  proof_store_full: unavailable,
  guard_failed: unavailable,
} as const satisfies Record<string, ReasonRow>

/** Internal code of a refusal. Log it; do not send it to the caller. */
export type Reason = keyof typeof reasons

/** What most verdicts add to the answer. */
export const noHeaders: Readonly<Record<string, string>> = Object.freeze({})

/** The request may proceed. */
export interface Allowed {
  readonly ok: true
  /** The verified claims. */
  readonly token: TaskTokenClaims
  /** The entry of `authorization_details` that grants this operation; undefined where scopes granted it. */
  readonly granted: GrantedDetail | undefined
  /** Headers for the response in lower case: `dpop-nonce` where the caller is due a newer one, else none. */
  readonly headers: Readonly<Record<string, string>>
}

/** The request must not proceed. Send `status`, `headers` and `body`, nothing else. */
export interface Refused {
  readonly ok: false
  readonly status: 401 | 403 | 503
  /** OAuth error code (RFC 6750 § 3.1, RFC 9449 § 7.1); undefined where the caller sent no credentials at all. */
  readonly error: string | undefined
  /** Internal: why. For logs only. */
  readonly reason: Reason
  /** Response headers in lower case: `www-authenticate`, `cache-control`, and `task-nonce`, `dpop-nonce` or `retry-after` where due. */
  readonly headers: Readonly<Record<string, string>>
  /** JSON body. */
  readonly body: Readonly<{
    error?: string
    error_description?: string
    /** What to ask the issuer for, where a verified token grants something else (RFC 9396). */
    authorization_details?: readonly GrantedDetail[]
  }>
}

/** What became of a request. A refusal is a value, not an exception. */
export type Verdict = Allowed | Refused

const descriptions = {
  invalid_token: 'The access token is not valid for this request. Get a new one from the issuer.',
  insufficient_scope: 'The access token does not grant this request. Ask the issuer for one that does.',
  invalid_dpop_proof: 'The DPoP proof is not valid for this request and access token.',
  use_dpop_nonce: 'The DPoP proof must carry the nonce of the DPoP-Nonce header.',
  temporarily_unavailable: 'The access token cannot be checked at the moment.',
} as const

/** What a refusal says beside its reason. */
export interface Challenge {
  /** URL of the RFC 9728 document; omitted from the header where the resource has none. */
  readonly resourceMetadata: string | undefined
  /** Scopes that the operation needs (RFC 6750 § 3). */
  readonly scope?: readonly string[] | undefined
  /** What the request would need. */
  readonly needed?: GrantedDetail | undefined
  /** A fresh nonce for a guard in `challenge` mode. */
  readonly taskNonce?: string | undefined
  /** The guard's side of DPoP, where it has one. */
  readonly dpop?: DpopChallenge | undefined
}

/** What a refusal says of DPoP. */
export interface DpopChallenge {
  readonly algorithms: readonly string[]
  /** Whether nothing but DPoP is accepted. */
  readonly required: boolean
  /** Whether the caller used the scheme. */
  readonly used: boolean
  readonly nonce: string | undefined
}

/** Builds the refusal for a reason, with its `WWW-Authenticate` (RFC 6750 § 3, RFC 9728 § 5.1, RFC 9449 §§ 7.1, 9). */
export function refuse(reason: Reason, challenge: Challenge): Refused {
  const row: ReasonRow = reasons[reason]
  const description = row.error && descriptions[row.error]
  const headers: Record<string, string> = { 'cache-control': 'no-store' }
  if (row.status === 503) headers['retry-after'] = '1'
  else headers['www-authenticate'] = wwwAuthenticate(row, challenge)
  if (challenge.taskNonce && row.status === 401) headers['task-nonce'] = challenge.taskNonce
  if (challenge.dpop?.nonce && row.status === 401) headers['dpop-nonce'] = challenge.dpop.nonce
  const needed = challenge.needed && { authorization_details: [challenge.needed] }
  const body = row.error && description ? { error: row.error, error_description: description, ...needed } : {}
  return { ok: false, status: row.status, error: row.error, reason, headers, body }
}

function wwwAuthenticate(row: ReasonRow, { resourceMetadata, scope, dpop }: Challenge): string {
  const parameters: string[] = []
  if (resourceMetadata) parameters.push(`resource_metadata="${resourceMetadata}"`)
  if (scope?.length) parameters.push(`scope="${scope.join(' ')}"`)
  if (row.error) parameters.push(`error="${row.error}"`, `error_description="${descriptions[row.error]}"`)
  const algs = dpop && `algs="${dpop.algorithms.join(' ')}"`
  if (algs && (dpop.used || dpop.required)) return `DPoP ${[...parameters, algs].join(', ')}`
  const bearer = parameters.length > 0 ? `Bearer ${parameters.join(', ')}` : 'Bearer'
  return algs && row.status === 401 ? `${bearer}, DPoP ${algs}` : bearer
}

// Who may present the token. A stolen token is worth nothing without the key named in `cnf` (RFC 8705 § 3, RFC 9449 § 7).

import { hash } from 'node:crypto'
import type { DpopProofs } from './dpop/dpop-proofs.ts'
import type { Credentials, GuardedRequest } from './request.ts'
import type { TaskTokenClaims } from './token/claims.ts'
import type { Reason } from './verdict.ts'

/** How a guard treats presenters. */
export interface BindingRules {
  readonly allowBearer: boolean
  /** Undefined where tokens bound to a DPoP key are not taken. */
  readonly proofs: DpopProofs | undefined
}

/** Checks the presenter against the token's `cnf`. A token bound to two keys needs both. nowMs: since the epoch. */
export function checkBinding(
  claims: TaskTokenClaims,
  credentials: Credentials,
  request: GuardedRequest,
  rules: BindingRules,
  nowMs: number,
): Reason | undefined {
  const thumbprint = claims.cnf?.['x5t#S256']
  const jkt = claims.cnf?.jkt
  if (jkt === undefined && rules.proofs?.required) return 'proof_missing'
  if (thumbprint === undefined && jkt === undefined && !rules.allowBearer) return 'binding_absent'
  if (thumbprint !== undefined) {
    if (!request.certificate) return 'certificate_missing'
    if (certificateThumbprint(request.certificate) !== thumbprint) return 'certificate_mismatch'
  }
  // Both ways: a stolen token must not lose its proof by another scheme, nor seem to have one that binds nothing.
  if (credentials.scheme !== (jkt === undefined ? 'bearer' : 'dpop')) return 'scheme_mismatch'
  if (jkt === undefined) return undefined
  return rules.proofs ? rules.proofs.check(credentials, jkt, request, nowMs) : 'proof_not_accepted'
}

/** RFC 8705 § 3.1 thumbprint: base64url SHA-256 of the DER. A thumbprint is returned as it is. */
export function certificateThumbprint(certificate: Uint8Array | string): string {
  return typeof certificate === 'string' ? certificate : hash('sha256', certificate, 'base64url')
}

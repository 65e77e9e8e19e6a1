// Who may present the token. A stolen token is worth nothing without the key named in `cnf` (RFC 8705 § 3, RFC 9449 § 7).

import { hash } from 'node:crypto'
import type { Credentials, GuardedRequest } from './request.ts'
import type { TaskTokenClaims } from './token/claims.ts'
import type { Reason } from './verdict.ts'

/** What a verifier of DPoP proofs is given. */
export interface ProofInput {
  /** The one `DPoP` header. */
  readonly proof: string
  /** The access token, for `ath`. */
  readonly token: string
  /** RFC 7638 thumbprint that the proof's key must have. */
  readonly jkt: string
  readonly method: string
  readonly url: string
}

/** Says whether a DPoP proof holds, and has not been seen before. Throwing counts as no. */
export type ProofVerifier = (input: ProofInput) => boolean | Promise<boolean>

/** How a guard treats presenters. */
export interface BindingRules {
  readonly allowBearer: boolean
  readonly verifyProof?: ProofVerifier
}

/** Checks the presenter against the token's `cnf`. A token bound to two keys needs both. */
export async function checkBinding(
  claims: TaskTokenClaims,
  credentials: Credentials,
  request: GuardedRequest,
  rules: BindingRules,
): Promise<Reason | undefined> {
  const thumbprint = claims.cnf?.['x5t#S256']
  const jkt = claims.cnf?.jkt
  if (thumbprint === undefined && jkt === undefined) {
    if (!rules.allowBearer) return 'binding_absent'
    return credentials.scheme === 'bearer' ? undefined : 'scheme_mismatch'
  }
  if (thumbprint !== undefined) {
    if (!request.certificate) return 'certificate_missing'
    if (certificateThumbprint(request.certificate) !== thumbprint) return 'certificate_mismatch'
  }
  if (jkt === undefined) return credentials.scheme === 'bearer' ? undefined : 'scheme_mismatch'
  if (credentials.scheme !== 'dpop') return 'scheme_mismatch'
  return (await proofHolds(jkt, credentials, request, rules.verifyProof)) ? undefined : 'proof_refused'
}

/** RFC 8705 § 3.1 thumbprint: base64url SHA-256 of the DER. A thumbprint is returned as it is. */
export function certificateThumbprint(certificate: Uint8Array | string): string {
  return typeof certificate === 'string' ? certificate : hash('sha256', certificate, 'base64url')
}

async function proofHolds(
  jkt: string,
  credentials: Credentials,
  request: GuardedRequest,
  verifyProof: ProofVerifier | undefined,
): Promise<boolean> {
  const [proof, ...more] = credentials.proofs
  if (!verifyProof || proof === undefined || more.length > 0) return false
  try {
    return (await verifyProof({ proof, token: credentials.token, jkt, method: request.method, url: request.url })) === true
  } catch {
    return false
  }
}

// A proof may list what can be granted on it, as a user's assertion does. Then it is a ceiling like the others, and what a
// request leaves unsaid is what the proof says.

import { findBeyond } from '#core/id-jag/bounds.ts'
import type { ProofBounds } from '#core/subject/subject.ts'
import { type Denial, deny } from './denial.ts'
import type { ExchangeRequest } from './exchange-request.ts'
import type { Grant } from './grant.ts'

/** The request, with what the proof names in the place of what it leaves out. */
export function withinProof(request: ExchangeRequest, { resources, permission }: ProofBounds): ExchangeRequest {
  const targets = request.targets.length > 0 ? request.targets : (resources ?? [])
  if (request.scope !== undefined || request.authorizationDetails !== undefined || !permission) return { ...request, targets }
  const { scopes, details } = permission
  return {
    ...request,
    targets,
    scope: scopes.length > 0 ? scopes.join(' ') : undefined,
    authorizationDetails: details.length > 0 ? JSON.stringify(details) : undefined,
  }
}

/** A refusal when the grant goes beyond the proof. */
export function denyBeyond(bounds: ProofBounds, { resource, granted }: Grant): Denial | undefined {
  const beyond = findBeyond(bounds, resource.uri, granted)
  if (beyond === 'target') return deny('target_refused', 'beyond_proof', 'The assertion is not for this resource.')
  if (beyond === undefined) return undefined
  const code = granted.details.length > 0 ? 'details_refused' : 'scope_refused'
  return deny(code, 'beyond_proof', 'The assertion allows less than what is asked for.')
}

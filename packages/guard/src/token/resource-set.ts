// `resource_hash` names the set of things that a token grants, so that approval, token and audit record can be held against
// each other. The verifier recomputes it from the token's own claims, in the exact order in which they stand there:
// sorting happened once, at issuance.

import { hash } from 'node:crypto'
import { canonicalJson } from './canonical-json.ts'
import type { TaskTokenClaims } from './claims.ts'

/** base64url SHA-256 of the RFC 8785 form of the granted set; 43 characters. */
export function resourceHash(
  claims: Pick<TaskTokenClaims, 'iss' | 'aud'> & Partial<Pick<TaskTokenClaims, 'scope' | 'authorization_details'>>,
): string {
  const set = {
    iss: claims.iss,
    typ: 'agent-resource-set',
    v: 1,
    value: {
      authorization_details: claims.authorization_details ?? [],
      resource: [claims.aud],
      scope: claims.scope === undefined ? [] : claims.scope.split(' '),
    },
  }
  return hash('sha256', canonicalJson(set), 'base64url')
}

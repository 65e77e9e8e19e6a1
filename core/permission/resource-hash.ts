// `resource_hash` binds the approval, the token and the audit record of one grant to each other. It covers what may be done
// and where, not the task, so that equal grants compare equal; the issuer's name keeps it from being carried elsewhere.
// Equality of hashes alone never authorises anything.

import { hash } from 'node:crypto'
import { canonicalJson } from '../json/canonical.ts'
import type { AuthorizationDetail } from './permission.ts'

/** `details` and `scopes` in normal form; `resource`: the registered URI, untouched (RFC 8707). */
export interface ResourceSet {
  readonly issuer: string
  readonly details: readonly AuthorizationDetail[]
  readonly resource: string
  readonly scopes: readonly string[]
}

/**
 * base64url SHA-256, 43 characters, of the canonical JSON (RFC 8785) of
 * `{"iss","typ":"agent-resource-set","v":1,"value":{"authorization_details","resource":[…],"scope":[…]}}`.
 */
export function resourceHash({ issuer, details, resource, scopes }: ResourceSet): string {
  // Members stand in canonical order, which spares the sorting.
  const value = { authorization_details: details, resource: [resource], scope: scopes }
  return hash('sha256', canonicalJson({ iss: issuer, typ: 'agent-resource-set', v: 1, value }), 'base64url')
}

// An Identity Assertion JWT Authorization Grant of ours (draft-ietf-oauth-identity-assertion-authz-grant § 4.3): for a resource
// that has an authorization server of its own, where the agent changes it for that server's access token. It says whose authority
// is used and by which client, and lists no more than was granted here.

import type { Actor } from '#core/delegation/actor.ts'
import type { Permission } from '#core/permission/permission.ts'
import type { Resource } from '#core/registry/resource.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { BoundKey } from '#core/subject/bound-key.ts'

export const idJagTokenType = 'urn:ietf:params:oauth:token-type:id-jag'
/** RFC 8693 § 2.2.1: it is no access token, so `token_type` says so. */
export const idJagResponseType = 'N_A' as const
/** It is changed at once; its end is never later than this, in seconds after it was made. */
export const idJagLongestSeconds = 300

export interface IdJagGrant {
  readonly issuer: string
  /** `acct_…`: the root account whose authority is used. */
  readonly subject: string
  /** Issuer of the resource's authorization server. */
  readonly audience: string
  /** The agent, as that server knows it: `agt_…`. */
  readonly clientId: string
  /** Who acts, and for whom. */
  readonly act: Actor
  /** RFC 8707 URI. */
  readonly resource: string
  readonly granted: Permission
  /** With a `jkt` the other server demands DPoP by that key. */
  readonly key: BoundKey | undefined
  readonly tokenId: string
  readonly issuedSeconds: number
  readonly expiresSeconds: number
}

/** Claims of the grant; members that say nothing are left out. Throws RangeError for a life that is too long, or none. */
export function idJagClaims(grant: IdJagGrant): Record<string, unknown> {
  const { issuer, subject, audience, clientId, act, resource, granted, key, tokenId, issuedSeconds, expiresSeconds } = grant
  const lifeSeconds = expiresSeconds - issuedSeconds
  if (!(lifeSeconds > 0 && lifeSeconds <= idJagLongestSeconds)) throw new RangeError('an ID-JAG lives for 1 to 300 seconds')
  const { details, scopes } = granted
  return {
    act,
    aud: audience,
    ...(details.length > 0 && { authorization_details: details }),
    client_id: clientId,
    ...(key && { cnf: { [key.kind]: key.thumbprint } }),
    exp: expiresSeconds,
    iat: issuedSeconds,
    iss: issuer,
    jti: tokenId,
    resource,
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    sub: subject,
  }
}

export type IdJagTarget =
  | { readonly ok: true; readonly resource: Resource; readonly audience: string }
  | { readonly ok: false; readonly hint: string }

/**
 * The registered resource that an ID-JAG is asked for: `audience` names its authorization server, `resource` (RFC 8707) the
 * resource itself, which may be left out where that server has one only. A refusal is `invalid_target`.
 */
export function findIdJagTarget(snapshot: TenantSnapshot, audience: string, resource: string | undefined): IdJagTarget {
  const behind = [...snapshot.resourcesByUri.values()].filter(({ config }) => config.authorization_server?.issuer === audience)
  if (behind.length === 0)
    return { ok: false, hint: 'No resource here has an authorization server with this issuer as audience.' }
  const [found, ...others] = resource === undefined ? behind : behind.filter(({ uri }) => uri === resource)
  if (!found) return { ok: false, hint: 'The resource is not registered behind this authorization server.' }
  if (others.length > 0) return { ok: false, hint: 'This authorization server has several resources: name one by resource.' }
  return { ok: true, resource: found, audience }
}

// An Identity Assertion JWT Authorization Grant (draft-ietf-oauth-identity-assertion-authz-grant § 4.4): the company's identity
// provider says that a client may act here for one of its users. It proves the user's consent and not the client, so the client
// authenticates beside it; it names the client, is good for one use, and what it lists bounds what can be granted.

import type { ReadJwt } from '#core/jwt/parse-compact.ts'
import { normalisePermission } from '#core/permission/normalise.ts'
import type { Agent } from '#core/registry/agent.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { OpenIdTrustSource } from '#core/registry/trust-source.ts'
import { claimAt } from '#core/subject/claim-at.ts'
import { compilePattern } from '#core/subject/claim-pattern.ts'
import { subjectOfClaims } from '#core/subject/claim-subject.ts'
import type { JwksStore } from '#core/subject/jwks-store.ts'
import { findBindingFault, findSignatureFault, soleAudience } from '#core/subject/jwt-proof.ts'
import { checkProofTimes } from '#core/subject/proof-times.ts'
import { type ProofBounds, refuse, type SubjectRefusal, type VerifiedSubject } from '#core/subject/subject.ts'

export const idJagTyp = 'oauth-id-jag+jwt'
export const isIdJag = ({ jwt }: ReadJwt): boolean => jwt.header.typ?.toLowerCase() === idJagTyp

export interface VerifiedIdJag {
  readonly ok: true
  /** The user as `foreign.subject`, acting through the client's agent. `boundKey`: its `cnf`; a `jkt` makes DPoP mandatory. */
  readonly subject: VerifiedSubject
  readonly bounds: ProofBounds
  /** What must not come twice (`FirstUses`, kind `id_jag`), until `subject.expiresSeconds`. */
  readonly use: readonly string[]
}

/** It is made for one request, just before it. */
const maxLifeSeconds = 600
const maxJtiLength = 256

/** All but whether it was used before. client: the agent that authenticated. Throws BrokerError `trust_source_unavailable`. */
export async function verifyIdJag(
  { snapshot, jwks, client }: { readonly snapshot: TenantSnapshot; readonly jwks: JwksStore; readonly client: Agent },
  proof: ReadJwt,
  nowMs: number,
): Promise<VerifiedIdJag | SubjectRefusal> {
  const { header, payload } = proof.jwt
  if (!isIdJag(proof)) return refuse('wrong_typ', `Its typ must be ${idJagTyp}.`)
  const sources = sourcesOf(snapshot, payload['iss'])
  if (sources.length === 0)
    return refuse('unknown_issuer', 'Its issuer is not a trust source here that may send users’ assertions.')
  if (soleAudience(payload) !== snapshot.tenant.issuer)
    return refuse('wrong_audience', `It was not issued for this broker: its only aud must be ${snapshot.tenant.issuer}.`)
  // Before the rules are looked at, so that nobody learns of another client's.
  if (payload['client_id'] !== client.clientId)
    return refuse('other_client', 'Its client_id is not the client that authenticated.')
  const read = readClaims(payload)
  if (!read.ok) return read
  const source = sources.find(candidate => allows(client, candidate, payload))
  if (!source) return refuse('unknown_agent', 'No rule of this agent lets this issuer’s user act through it.')
  const maxAgeSeconds = Math.min(source.maxAgeSeconds, maxLifeSeconds)
  const times = checkProofTimes(payload, { iat: 'required', maxAgeSeconds, maxLifeSeconds }, nowMs / 1000)
  if (!times.ok) return times
  if (!source.algorithms.includes(header.alg))
    return refuse('algorithm_refused', 'Its algorithm is not accepted from this issuer.')
  const key = await jwks.find(source, header.kid, header.alg, nowMs)
  const fault = (await findSignatureFault(key, proof.token)) ?? findBindingFault(payload)
  if (fault) return fault
  const { untilSeconds, expiresSeconds } = times
  const { id: trustSourceId, issuer } = source
  const { sub, jti, bounds } = read
  const claimed = { agent: client, trustSourceId, issuer, subject: sub, claims: payload, untilSeconds, expiresSeconds }
  return { ok: true, subject: subjectOfClaims(claimed), bounds, use: [issuer, jti] }
}

function sourcesOf(snapshot: TenantSnapshot, issuer: unknown): OpenIdTrustSource[] {
  return [...snapshot.trustSources.values()].filter(
    (source): source is OpenIdTrustSource => source.kind === 'openid' && source.idJag && source.issuer === issuer,
  )
}

/** Deny by default: the agent's registration says whose users may act through it. `{"iss": …}` alone means all of them. */
function allows(client: Agent, source: OpenIdTrustSource, claims: Readonly<Record<string, unknown>>): boolean {
  return client.rules.some(rule => {
    if (rule.trust_source !== source.id || !('claims' in rule)) return false
    const wanted = Object.entries(rule.claims)
    return (
      wanted.length > 0 &&
      wanted.every(([path, pattern]) => {
        const value = claimAt(claims, path)
        return value !== undefined && compilePattern(pattern)(value)
      })
    )
  })
}

type ReadClaims = { readonly ok: true; readonly sub: string; readonly jti: string; readonly bounds: ProofBounds } | SubjectRefusal

function readClaims(payload: Readonly<Record<string, unknown>>): ReadClaims {
  const { sub, jti, resource, scope, authorization_details: details } = payload
  if ('events' in payload) return refuse('wrong_typ', 'It is a logout or security event token.')
  if (typeof sub !== 'string' || sub === '') return refuse('missing_claim', 'It has no sub.')
  if (typeof jti !== 'string' || jti === '' || jti.length > maxJtiLength) return refuse('missing_claim', 'It has no jti.')
  const resources = resource === undefined || Array.isArray(resource) ? resource : [resource]
  if (resources !== undefined && !resources.every((uri: unknown) => typeof uri === 'string' && uri !== ''))
    return refuse('malformed_bounds', 'Its resource is no URI or list of URIs.')
  if (scope !== undefined && typeof scope !== 'string') return refuse('malformed_bounds', 'Its scope is no text.')
  if (scope === undefined && details === undefined) return { ok: true, sub, jti, bounds: { resources, permission: undefined } }
  const scopes = (scope ?? '').split(' ').filter(item => item !== '')
  const permission = normalisePermission({ details: details ?? [], scopes })
  // What would narrow and cannot be read must not be passed over.
  return permission.ok
    ? { ok: true, sub, jti, bounds: { resources, permission: permission.value } }
    : refuse('malformed_bounds', 'Its scope or authorization_details cannot be read.')
}

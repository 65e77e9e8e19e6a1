// From a JWT-SVID to one of our agents (SPIFFE JWT-SVID; draft-ietf-oauth-spiffe-client-auth). What names the keys is the trust
// domain inside `sub`, through the operator's own bundle of that domain; `iss` names nothing here. `jti` is not used up: SVIDs
// are cached and presented again until they end.

import type { ParsedJwt, ReadJwt } from '#core/jwt/parse-compact.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { SpiffeTrustSource } from '#core/registry/trust-source-kinds/spiffe.ts'
import { subjectOfClaims } from './claim-subject.ts'
import type { IssuerKey } from './issuer-key.ts'
import { findBindingFault, findSignatureFault, soleAudience } from './jwt-proof.ts'
import { matchAgent } from './match-agent.ts'
import { checkProofTimes } from './proof-times.ts'
import { parseSpiffeId } from './spiffe-id.ts'
import { refuse, type SubjectResult } from './subject.ts'

/**
 * The key of a trust domain with this kid and algorithm, among those of its bundle with `use: jwt-svid`; undefined when there
 * is none. May throw BrokerError `trust_source_unavailable`. nowMs: the database's clock.
 */
export type FindJwtSvidKey = (
  source: SpiffeTrustSource,
  kid: string | undefined,
  alg: string,
  nowMs: number,
) => Promise<IssuerKey | undefined>

/** JWT-SVID § 3. */
const algorithms = new Set(['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'])
const types = new Set([undefined, 'JWT', 'JOSE'])
const maxLifeSeconds = 86_400

/** Whether a token is to be taken for a JWT-SVID: what an OpenID issuer of the tenant signed is that issuer's, whatever its `sub`. */
export function isJwtSvid(snapshot: TenantSnapshot, { payload: { iss, sub } }: ParsedJwt): boolean {
  if (typeof sub !== 'string' || !sub.startsWith('spiffe://')) return false
  for (const source of snapshot.trustSources.values()) if (source.kind === 'openid' && source.issuer === iss) return false
  return true
}

/** Throws as `findKey`. */
export async function verifyJwtSvidSubject(
  snapshot: TenantSnapshot,
  findKey: FindJwtSvidKey,
  { token, jwt }: ReadJwt,
  nowMs: number,
): Promise<SubjectResult> {
  const { header, payload } = jwt
  if (!types.has(header.typ?.toUpperCase())) return refuse('wrong_typ', 'Its typ says that it is another kind of token.')
  if ('events' in payload) return refuse('wrong_typ', 'It is a logout or security event token.')
  const id = typeof payload['sub'] === 'string' ? parseSpiffeId(payload['sub']) : undefined
  if (!id) return refuse('malformed_spiffe_id', 'Its sub is not the SPIFFE ID of a workload.')
  const source = findTrustDomain(snapshot, id.trustDomain)
  if (!source) return refuse('unknown_issuer', 'Its trust domain is not a trust source here.')
  if (soleAudience(payload) !== snapshot.tenant.issuer)
    return refuse('wrong_audience', `It was not issued for this broker: its only aud must be ${snapshot.tenant.issuer}.`)
  const times = checkProofTimes(payload, { iat: 'optional', maxLifeSeconds }, nowMs / 1000)
  if (!times.ok) return times
  if (!algorithms.has(header.alg)) return refuse('algorithm_refused', 'A JWT-SVID is signed with RS, ES or PS algorithms only.')
  const key = await findKey(source, header.kid, header.alg, nowMs)
  const fault = (await findSignatureFault(key, token)) ?? findBindingFault(payload)
  if (fault) return fault
  const matched = matchAgent(snapshot, [{ trustSourceId: source.id, kind: 'spiffe_id', name: id.uri }])
  if (!matched.ok) return matched
  const subject = subjectOfClaims({
    agent: matched.agent,
    trustSourceId: source.id,
    issuer: `spiffe://${id.trustDomain}`,
    subject: id.uri,
    claims: payload,
    untilSeconds: times.untilSeconds,
    expiresSeconds: times.expiresSeconds,
  })
  return { ok: true, subject }
}

function findTrustDomain(snapshot: TenantSnapshot, trustDomain: string): SpiffeTrustSource | undefined {
  for (const source of snapshot.trustSources.values())
    if (source.kind === 'spiffe' && source.trustDomain === trustDomain) return source
  return undefined
}

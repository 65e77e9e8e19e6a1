// From a workload's OpenID token to one of our agents. Every rule is a line of its own: exact issuer, an audience that is
// dedicated to this trust source and stands alone, an allowed algorithm with a key of that issuer, and times on the
// database's clock. RFC 8693 § 2.1, RFC 8725.

import type { ParsedJwt, ReadJwt } from '#core/jwt/parse-compact.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { OpenIdTrustSource } from '#core/registry/trust-source.ts'
import { subjectOfClaims } from './claim-subject.ts'
import type { JwksStore } from './jwks-store.ts'
import { findBindingFault, findSignatureFault, soleAudience } from './jwt-proof.ts'
import { matchAgent } from './match-agent.ts'
import { checkProofTimes } from './proof-times.ts'
import { refuse, type SubjectRefusal, type SubjectResult } from './subject.ts'

/** Token kinds that are told apart by `typ` (RFC 8725 § 3.11); a workload's token is none of the others. */
const workloadTypes = new Set([undefined, 'JWT', 'JOSE'])

/** Verifies an OpenID token. Throws BrokerError `trust_source_unavailable` when the issuer's keys cannot be had. */
export async function verifyOpenIdSubject(
  snapshot: TenantSnapshot,
  jwks: JwksStore,
  { token, jwt }: ReadJwt,
  nowMs: number,
): Promise<SubjectResult> {
  const typ = jwt.header.typ
  if (!workloadTypes.has(typ?.toUpperCase())) return refuse('wrong_typ', 'Its typ says that it is another kind of token.')
  if ('events' in jwt.payload) return refuse('wrong_typ', 'It is a logout or security event token.')
  const source = findSource(snapshot, jwt)
  if (!('kind' in source)) return source
  const times = checkProofTimes(jwt.payload, { iat: 'required', maxAgeSeconds: source.maxAgeSeconds }, nowMs / 1000)
  if (!times.ok) return times
  const { sub } = jwt.payload
  if (typeof sub !== 'string' || sub === '') return refuse('missing_claim', 'It has no sub.')
  if (!source.algorithms.includes(jwt.header.alg))
    return refuse('algorithm_refused', 'Its algorithm is not accepted from this issuer.')
  const key = await jwks.find(source, jwt.header.kid, jwt.header.alg, nowMs)
  const fault = (await findSignatureFault(key, token)) ?? findBindingFault(jwt.payload)
  if (fault) return fault
  const matched = matchAgent(snapshot, [{ trustSourceId: source.id, kind: 'sub', name: sub, claims: jwt.payload }])
  if (!matched.ok) return matched
  const subject = subjectOfClaims({
    agent: matched.agent,
    trustSourceId: source.id,
    issuer: source.issuer,
    subject: sub,
    claims: jwt.payload,
    untilSeconds: times.untilSeconds,
    expiresSeconds: times.expiresSeconds,
  })
  return { ok: true, subject }
}

/** The trust source with exactly this issuer whose dedicated audience is the token's only one. */
function findSource(snapshot: TenantSnapshot, jwt: ParsedJwt): OpenIdTrustSource | SubjectRefusal {
  const { iss, aud } = jwt.payload
  if (typeof iss !== 'string') return refuse('missing_claim', 'It has no iss.')
  const audience = soleAudience(jwt.payload)
  let issuerKnown = false
  for (const source of snapshot.trustSources.values()) {
    if (source.kind !== 'openid' || source.issuer !== iss) continue
    issuerKnown = true
    if (source.audience === audience) return source
  }
  if (!issuerKnown) return refuse('unknown_issuer', 'Its issuer is not a trust source here.')
  if (aud === undefined) return refuse('missing_claim', 'It has no aud.')
  return refuse('wrong_audience', 'It was not issued for this broker: its aud must be the one audience of the trust source.')
}

// From a workload's OpenID token to one of our agents. Every rule is a line of its own: exact issuer, an audience that is
// dedicated to this trust source and stands alone, an allowed algorithm with a key of that issuer, and times on the
// database's clock. RFC 8693 § 2.1, RFC 8725.

import { BrokerError } from '#core/errors/broker-error.ts'
import type { ParsedJwt } from '#core/jwt/parse-compact.ts'
import { parseCompactJwt } from '#core/jwt/parse-compact.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { OpenIdTrustSource } from '#core/registry/trust-source.ts'
import { readBoundKey } from './bound-key.ts'
import { subjectOfClaims } from './claim-subject.ts'
import type { JwksStore } from './jwks-store.ts'
import { matchAgent } from './match-agent.ts'
import { refuse, type SubjectRefusal, type SubjectResult } from './subject.ts'

/** How far ahead of the database's clock an issuer's may run, for `iat` and `nbf`. Never for `exp`. Seconds. */
const aheadSeconds = 10

/** The end of the year 9999: what lies behind it is no date, and the database could not remember it. */
const latestSeconds = 253_402_300_799

/** Token kinds that are told apart by `typ` (RFC 8725 § 3.11); a workload's token is none of the others. */
const workloadTypes = new Set([undefined, 'JWT', 'JOSE'])

/** Verifies an OpenID token. Throws BrokerError `trust_source_unavailable` when the issuer's keys cannot be had. */
export async function verifyOpenIdSubject(
  snapshot: TenantSnapshot,
  jwks: JwksStore,
  token: string,
  nowMs: number,
): Promise<SubjectResult> {
  const parsed = parseCompactJwt(token)
  if (!parsed.ok) return refuse('malformed_jwt', `The token cannot be read: ${parsed.reason}.`)
  const { jwt } = parsed
  const typ = jwt.header.typ
  if (!workloadTypes.has(typ?.toUpperCase())) return refuse('wrong_typ', 'Its typ says that it is another kind of token.')
  if ('events' in jwt.payload) return refuse('wrong_typ', 'It is a logout or security event token.')
  const source = findSource(snapshot, jwt)
  if (!('kind' in source)) return source
  const times = checkTimes(jwt.payload, source, nowMs / 1000)
  if (!times.ok) return times
  if (!source.algorithms.includes(jwt.header.alg))
    return refuse('algorithm_refused', 'Its algorithm is not accepted from this issuer.')
  const key = await jwks.find(source, jwt.header.kid, jwt.header.alg, nowMs)
  if (!key) return refuse('unknown_key', 'Its issuer publishes no such key for this algorithm.')
  try {
    await key.verify(token)
  } catch (error) {
    // Where the check itself failed, the token is not to blame.
    if (error instanceof BrokerError) throw error
    return refuse('bad_signature', 'Its signature does not verify with the keys of its issuer.')
  }
  // A token that is bound to a key of another kind must not become one that anybody may present.
  if ('cnf' in jwt.payload && readBoundKey(jwt.payload['cnf']) === undefined)
    return refuse(
      'unsupported_binding',
      'It is bound to a key that cannot be proven here: only one of cnf.x5t#S256 and cnf.jkt is understood.',
    )
  const matched = matchAgent(snapshot, [
    { trustSourceId: source.id, kind: 'sub', name: jwt.payload['sub'] as string, claims: jwt.payload },
  ])
  if (!matched.ok) return matched
  const subject = subjectOfClaims({
    agent: matched.agent,
    trustSourceId: source.id,
    issuer: source.issuer,
    subject: jwt.payload['sub'] as string,
    claims: jwt.payload,
    untilSeconds: times.untilSeconds,
    expiresSeconds: jwt.payload['exp'] as number,
  })
  return { ok: true, subject }
}

/** The trust source with exactly this issuer whose dedicated audience is the token's only one. */
function findSource(snapshot: TenantSnapshot, jwt: ParsedJwt): OpenIdTrustSource | SubjectRefusal {
  const { iss, aud } = jwt.payload
  if (typeof iss !== 'string') return refuse('missing_claim', 'It has no iss.')
  const audience = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud
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

function checkTimes(
  claims: Readonly<Record<string, unknown>>,
  source: OpenIdTrustSource,
  nowSeconds: number,
): { readonly ok: true; readonly untilSeconds: number } | SubjectRefusal {
  const { exp, iat, nbf } = claims
  if (typeof exp !== 'number') return refuse('missing_claim', 'It has no exp.')
  if (typeof iat !== 'number') return refuse('missing_claim', 'It has no iat.')
  if (exp <= nowSeconds) return refuse('expired', 'It has expired.')
  if (iat > nowSeconds + aheadSeconds) return refuse('issued_in_future', 'Its iat lies in the future.')
  if (nbf !== undefined && (typeof nbf !== 'number' || nbf > nowSeconds + aheadSeconds))
    return refuse('not_yet_valid', 'It is not valid yet.')
  if (iat + source.maxAgeSeconds <= nowSeconds) return refuse('too_old', 'It was issued too long ago for this trust source.')
  if (exp > latestSeconds) return refuse('missing_claim', 'It has no exp that is a date.')
  if (typeof claims['sub'] !== 'string' || claims['sub'] === '') return refuse('missing_claim', 'It has no sub.')
  return { ok: true, untilSeconds: Math.min(exp, iat + source.maxAgeSeconds) }
}

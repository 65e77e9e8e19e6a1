// From the text of a token to one that is known to be the issuer's and well formed. What is decided here depends on the
// token's bytes and the issuer's keys alone, so it is remembered; all else is checked on every use.

import type { FindKey } from './broker/key-source.ts'
import { compileDetails } from './permission/detail.ts'
import type { ResourcePlace } from './permission/place.ts'
import { verifySignature } from './token/algorithms.ts'
import { checkType } from './token/check-claims.ts'
import { parseClaims, type TaskTokenClaims } from './token/claims.ts'
import { type CompactJws, parseCompactJws } from './token/compact-jws.ts'
import { resourceHash } from './token/resource-set.ts'
import type { KnownToken, TokenCache } from './token/token-cache.ts'
import type { Reason } from './verdict.ts'

/** What authentication needs. */
export interface Authenticator {
  readonly findKey: FindKey
  readonly cache: TokenCache
  readonly place: ResourcePlace
  readonly issuer: string
  readonly resource: string
}

/** A refusal; `claims` are there where the signature held, so that the refusal can be reported with its token's id. */
export interface NotAuthenticated {
  readonly reason: Reason
  readonly claims?: TaskTokenClaims
}

/**
 * Authenticates a token: signature, type, shape, issuer, audience, resource hash. Not time, presenter, or permission. Answers at
 * once where the token and its key are known.
 */
export function authenticate(
  token: string,
  by: Authenticator,
): KnownToken | NotAuthenticated | Promise<KnownToken | NotAuthenticated> {
  const known = by.cache.find(token)
  if (!known) return authenticateFresh(token, by)
  const key = by.findKey(known.kid)
  if (key === known.key) return known
  return key instanceof Promise ? key.then(found => (found === known.key ? known : startOver(token, by))) : startOver(token, by)
}

/** The issuer has withdrawn the key that verified the token. */
function startOver(token: string, by: Authenticator): Promise<KnownToken | NotAuthenticated> {
  by.cache.drop(token)
  return authenticateFresh(token, by)
}

async function authenticateFresh(token: string, by: Authenticator): Promise<KnownToken | NotAuthenticated> {
  if (!/^[A-Za-z0-9._-]+$/.test(token)) return { reason: 'credentials_malformed' }
  const jws = parseCompactJws(token)
  if (typeof jws === 'string') return { reason: jws }
  const fresh = await verifyFresh(jws, by)
  if (!('reason' in fresh)) by.cache.keep(token, fresh)
  return fresh
}

async function verifyFresh(jws: CompactJws, by: Authenticator): Promise<KnownToken | NotAuthenticated> {
  // An algorithm that no key of ours could have is refused before anything is looked up.
  if (jws.header.alg !== 'ES256' && jws.header.alg !== 'RS256') return { reason: 'algorithm_refused' }
  const found = await findKey(jws.header.kid, by)
  if (typeof found === 'string') return { reason: found }
  if (found.algorithm !== jws.header.alg) return { reason: 'algorithm_refused' }
  if (!verifySignature(found, jws.signingInput, jws.signature)) return { reason: 'signature_invalid' }

  const claims = parseClaims(jws.payload)
  if (!claims) return { reason: 'claims_malformed' }
  const reason = checkMadeFor(jws.header.typ, claims, by)
  if (reason) return { reason, claims }
  const grant = {
    details: compileDetails(claims.authorization_details ?? [], by.place),
    scopes: new Set(claims.scope?.split(' ')),
  }
  return { claims, grant, kid: jws.header.kid, key: found, memo: {} }
}

async function findKey(kid: string, by: Authenticator) {
  try {
    return (await by.findKey(kid)) ?? 'key_unknown'
  } catch {
    return 'keys_unavailable'
  }
}

function checkMadeFor(typ: string, claims: TaskTokenClaims, by: Authenticator): Reason | undefined {
  if (claims.iss !== by.issuer) return 'issuer_mismatch'
  if (claims.aud !== by.resource) return 'audience_mismatch'
  return checkType(typ, claims) ?? (resourceHash(claims) === claims.resource_hash ? undefined : 'resource_hash_mismatch')
}

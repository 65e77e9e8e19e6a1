// private_key_jwt: a client proves that it holds a key that its registration names. RFC 7523 §§ 2.2, 3; 7523bis: the audience
// is our issuer and nothing else, so that an assertion made for another server, or for an endpoint that a hostile server named,
// is worth nothing here.

import { type ParsedJwt, parseCompactJwt } from '#core/jwt/parse-compact.ts'
import { proofAlgorithms } from '#core/jwt/signature-algorithms.ts'
import type { Agent } from '#core/registry/agent.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { type BoundKey, readBoundKey } from '#core/subject/bound-key.ts'
import { type IssuerKey, readIssuerKeys } from '#core/subject/issuer-key.ts'
import { findBindingFault, soleAudience } from '#core/subject/jwt-proof.ts'
import { type PinnedKey, pinnedKeysOf } from '#core/subject/pinned-key.ts'
import { verifyHere } from '#core/subject/signature-verifier.ts'
import { refuse, type SubjectRefusal } from '#core/subject/subject.ts'
import { leewaySeconds } from '#core/time/leeway-seconds.ts'

export const clientAssertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const types = new Set([undefined, 'JWT', 'CLIENT-AUTHENTICATION+JWT'])
/** An assertion proves the moment; seconds. */
const longestLifeSeconds = 300

export interface ClientAssertion {
  readonly ok: true
  readonly agent: Agent
  /** RFC 7638 thumbprint of the registered key that signed it. */
  readonly thumbprint: string
  /** What must not come twice: the client and its `jti`. */
  readonly use: readonly string[]
  readonly expiresSeconds: number
  /** `cnf`: the only key that may be presented beside it; undefined: any. */
  readonly boundKey: BoundKey | undefined
}

/** All but whether it was used before. nowMs: the database's clock. */
export async function verifyClientAssertion(
  snapshot: TenantSnapshot,
  assertion: string,
  nowMs: number,
): Promise<ClientAssertion | SubjectRefusal> {
  const parsed = parseCompactJwt(assertion)
  if (!parsed.ok) return refuse('malformed_assertion', `The client assertion cannot be read: ${parsed.reason}.`)
  const { jwt } = parsed
  if (!types.has(jwt.header.typ?.toUpperCase())) return refuse('wrong_typ', 'Its typ says that it is another kind of token.')
  const claims = checkClaims(jwt.payload, snapshot.tenant.issuer, nowMs / 1000)
  if (!claims.ok) return claims
  const agent = [...snapshot.agents.values()].find(({ clientId }) => clientId === claims.clientId)
  const key = agent && (await findSigner(pinnedKeysOf(snapshot, agent), jwt.header, assertion))
  // One answer for a client that does not exist, has no such key, or did not sign: who asks may know none of it.
  if (!agent || !key) return refuse('unproven_assertion', 'No key that this client registered signed it.')
  const fault = findBindingFault(jwt.payload)
  if (fault) return fault
  const { jti, expiresSeconds } = claims
  const boundKey = readBoundKey(jwt.payload['cnf'])
  return { ok: true, agent, thumbprint: key.thumbprint, use: [agent.id, jti], expiresSeconds, boundKey }
}

type Claims = { readonly ok: true; readonly clientId: string; readonly jti: string; readonly expiresSeconds: number }

function checkClaims(claims: Readonly<Record<string, unknown>>, issuer: string, nowSeconds: number): Claims | SubjectRefusal {
  const { iss, sub, exp, iat, nbf, jti } = claims
  if (typeof iss !== 'string' || iss !== sub) return refuse('wrong_client', 'Its iss and sub must both be the client_id.')
  if (soleAudience(claims) !== issuer) return refuse('wrong_audience', `Its only aud must be this issuer: ${issuer}`)
  if (typeof exp !== 'number' || exp <= nowSeconds) return refuse('expired', 'It has no exp, or has expired.')
  if (exp > nowSeconds + longestLifeSeconds + leewaySeconds)
    return refuse('too_long', `It may live for ${longestLifeSeconds} seconds at most.`)
  for (const at of [iat, nbf])
    if (at !== undefined && (typeof at !== 'number' || at > nowSeconds + leewaySeconds))
      return refuse('issued_in_future', 'Its iat or nbf lies in the future.')
  if (typeof jti !== 'string' || jti === '' || jti.length > 256) return refuse('missing_claim', 'It has no jti.')
  return { ok: true, clientId: iss, jti, expiresSeconds: exp }
}

// Gone with the snapshot that the registered key belongs to.
const known = new WeakMap<PinnedKey, IssuerKey[]>()

function readKey(key: PinnedKey): IssuerKey[] {
  let read = known.get(key)
  if (!read) {
    read = readIssuerKeys(key.jwk, verifyHere)
    known.set(key, read)
  }
  return read
}

/** On this thread: a client has a key or two, and what each may cost was bounded when it was read. */
async function findSigner(
  keys: readonly PinnedKey[],
  { alg, kid }: ParsedJwt['header'],
  assertion: string,
): Promise<PinnedKey | undefined> {
  if (!proofAlgorithms.includes(alg)) return undefined
  for (const key of keys) {
    if (kid !== undefined && key.jwk['kid'] !== undefined && key.jwk['kid'] !== kid) continue
    const verifier = readKey(key).find(candidate => candidate.alg === alg)
    const isSigner = verifier?.verify(assertion).then(
      () => true,
      () => false,
    )
    if (await isSigner) return key
  }
  return undefined
}

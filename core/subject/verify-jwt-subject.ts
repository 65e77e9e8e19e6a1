// Which kind of proof is this JWT? Kinds are told apart by what they say themselves, and each has rules of its own that no other
// kind can fulfil: a DID proof and an assertion of another authorization server by `typ`, a JWT-SVID by its `sub` where no OpenID
// issuer claims it, and all else is an OpenID token. RFC 8725 § 3.12.

import { parseCompactJwt } from '#core/jwt/parse-compact.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { FirstUses } from '#core/replay/first-uses.ts'
import { type DidProofDeps, type DidProven, isDidProof, verifyDidSubject } from './did-subject.ts'
import type { JwksStore } from './jwks-store.ts'
import { type FindJwtSvidKey, isJwtSvid, verifyJwtSvidSubject } from './jwt-svid-subject.ts'
import { verifyOpenIdSubject } from './openid-subject.ts'
import { refuse, type SubjectRefusal, type SubjectResult } from './subject.ts'

/** What proofs in the form of a JWT are verified with. */
export interface JwtProofDeps {
  readonly jwks: JwksStore
  readonly findJwtSvidKey: FindJwtSvidKey
  readonly did: DidProofDeps
  readonly firstUses: Pick<FirstUses, 'consume'>
}

export interface JwtRequest {
  readonly token: string
  /** Stands for the request: what is good for one use is used up once for it, however often its decision is made anew. */
  readonly request: object
}

// The proof that a request has used up. Gone with the request.
const usedUp = new WeakMap<object, string>()

/** single: good for one use, so it must not be remembered. Throws BrokerError `trust_source_unavailable`, `log_unavailable`. */
export async function verifyJwtSubject(
  snapshot: TenantSnapshot,
  deps: JwtProofDeps,
  { token, request }: JwtRequest,
  nowMs: number,
): Promise<{ readonly result: SubjectResult; readonly single: boolean }> {
  const parsed = parseCompactJwt(token)
  if (!parsed.ok) return { result: refuse('malformed_jwt', `The token cannot be read: ${parsed.reason}.`), single: false }
  const proof = { token, jwt: parsed.jwt }
  if (isDidProof(proof.jwt)) {
    const proven = await verifyDidSubject(snapshot, deps.did, proof, nowMs)
    return { result: await useUp(snapshot, deps, proven, { token, request }), single: true }
  }
  const result = isJwtSvid(snapshot, proof.jwt)
    ? await verifyJwtSvidSubject(snapshot, deps.findJwtSvidKey, proof, nowMs)
    : await verifyOpenIdSubject(snapshot, deps.jwks, proof, nowMs)
  return { result, single: false }
}

async function useUp(
  { tenant }: TenantSnapshot,
  { firstUses }: JwtProofDeps,
  proven: DidProven | SubjectRefusal,
  { token, request }: JwtRequest,
): Promise<SubjectResult> {
  if (!proven.ok || usedUp.get(request) === token) return proven
  if (!(await firstUses.consume(tenant.id, 'did_proof', proven.use, proven.useUntilSeconds)))
    return refuse('replayed_proof', 'Its nonce was used before; get another with POST /challenge and sign that.')
  usedUp.set(request, token)
  return proven
}

// Which kind of proof is this JWT? Kinds are told apart by what they say themselves, and each has rules of its own that no other
// kind can fulfil: a DID proof and an assertion of another authorization server by `typ`, a JWT-SVID by its `sub` where no OpenID
// issuer claims it, and all else is an OpenID token. RFC 8725 § 3.12.

import { isIdJag, verifyIdJag } from '#core/id-jag/verify.ts'
import { parseCompactJwt, type ReadJwt } from '#core/jwt/parse-compact.ts'
import type { Agent } from '#core/registry/agent.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { FirstUses } from '#core/replay/first-uses.ts'
import { type DidProofDeps, isDidProof, verifyDidSubject } from './did-subject.ts'
import type { JwksStore } from './jwks-store.ts'
import { type FindJwtSvidKey, isJwtSvid, verifyJwtSvidSubject } from './jwt-svid-subject.ts'
import { verifyOpenIdSubject } from './openid-subject.ts'
import { refuse, type SubjectRefusal, type SubjectResult, type VerifiedSubject } from './subject.ts'

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
  /** Finds the client that authenticated beside it; left out where no user's assertion is taken. */
  readonly client?: (() => Agent | undefined) | undefined
}

const usedBefore = {
  did_proof: 'Its nonce was used before; get another with POST /challenge and sign that.',
  id_jag: 'It was used before; get another from its issuer.',
} as const

// The proof that a request has used up. Gone with the request.
const usedUp = new WeakMap<object, string>()

/** single: good for one use, so it must not be remembered. Throws BrokerError `trust_source_unavailable`, `log_unavailable`. */
export async function verifyJwtSubject(
  snapshot: TenantSnapshot,
  deps: JwtProofDeps,
  { token, request, client }: JwtRequest,
  nowMs: number,
): Promise<{ readonly result: SubjectResult; readonly single: boolean }> {
  const parsed = parseCompactJwt(token)
  if (!parsed.ok) return { result: refuse('malformed_jwt', `The token cannot be read: ${parsed.reason}.`), single: false }
  const proof = { token, jwt: parsed.jwt }
  if (isDidProof(proof.jwt)) {
    const proven = await verifyDidSubject(snapshot, deps.did, proof, nowMs)
    return { result: await useUp(snapshot, deps, proven, { kind: 'did_proof', token, request }), single: true }
  }
  if (client && isIdJag(proof)) {
    const proven = await verifyUsersAssertion(snapshot, deps, proof, client(), nowMs)
    return { result: await useUp(snapshot, deps, proven, { kind: 'id_jag', token, request }), single: true }
  }
  const result = isJwtSvid(snapshot, proof.jwt)
    ? await verifyJwtSvidSubject(snapshot, deps.findJwtSvidKey, proof, nowMs)
    : await verifyOpenIdSubject(snapshot, deps.jwks, proof, nowMs)
  return { result, single: false }
}

interface Proven {
  readonly ok: true
  readonly subject: VerifiedSubject
  readonly use: readonly string[]
  readonly useUntilSeconds: number
}

async function verifyUsersAssertion(
  snapshot: TenantSnapshot,
  { jwks }: JwtProofDeps,
  proof: ReadJwt,
  client: Agent | undefined,
  nowMs: number,
): Promise<Proven | SubjectRefusal> {
  if (!client) return refuse('no_client', 'The client must authenticate beside it: by its certificate or by client_assertion.')
  const result = await verifyIdJag({ snapshot, jwks, client }, proof, nowMs)
  if (!result.ok) return result
  const { subject, bounds, use } = result
  return { ok: true, subject: { ...subject, bounds }, use, useUntilSeconds: subject.expiresSeconds }
}

async function useUp(
  { tenant }: TenantSnapshot,
  { firstUses }: JwtProofDeps,
  proven: Proven | SubjectRefusal,
  { kind, token, request }: JwtRequest & { readonly kind: 'did_proof' | 'id_jag' },
): Promise<SubjectResult> {
  if (!proven.ok || usedUp.get(request) === token) return proven
  if (!(await firstUses.consume(tenant.id, kind, proven.use, proven.useUntilSeconds)))
    return refuse('replayed_proof', usedBefore[kind])
  usedUp.set(request, token)
  return proven
}

// From a proof that a DID's holder signed to one of our agents. The proof holds a nonce of ours, so it was made just now and for
// us; it is good for one use. Its key is a bound key by itself: who holds it has just shown so.
//
// A document is fetched only for a DID that a rule names, or that a configured issuer has vouched for, so that strangers cannot
// send us anywhere.

import { challengeSeconds } from '#core/did/challenge-nonces.ts'
import type { DidKey, DidKeyQuery } from '#core/did/did-keys.ts'
import { type Did, parseDid } from '#core/did/parse-did.ts'
import type { ParsedJwt, ReadJwt } from '#core/jwt/parse-compact.ts'
import type { AgentRule } from '#core/registry/agent.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { DidTrustSource } from '#core/registry/trust-source-kinds/did.ts'
import { subjectOfClaims } from './claim-subject.ts'
import { findBindingFault, findSignatureFault, soleAudience } from './jwt-proof.ts'
import { matchAgent } from './match-agent.ts'
import { checkProofTimes } from './proof-times.ts'
import { refuse, type SubjectRefusal, type VerifiedSubject } from './subject.ts'
import { type FindCredentialKey, type VerifiedCredential, verifyCredential } from './vc-jwt.ts'

const didProofTyp = 'mayfly-did-proof+jwt'
export const isDidProof = ({ header }: ParsedJwt): boolean => header.typ?.toLowerCase() === didProofTyp

export interface DidProofDeps {
  readonly findDidKey: (query: DidKeyQuery, nowMs: number) => Promise<DidKey | undefined>
  readonly findCredentialKey: FindCredentialKey
  readonly acceptsNonce: (tenantId: string, nonce: string, nowMs: number) => boolean
}

export interface DidProven {
  readonly ok: true
  /** Its `boundKey` is what the proof's `cnf` names, else the DID's own key. */
  readonly subject: VerifiedSubject
  /** RFC 7638 thumbprint of the DID's key, whose possession the proof has shown. */
  readonly thumbprint: string
  /** What must not come twice (`FirstUses`, kind `did_proof`), and until when it must be remembered. */
  readonly use: readonly string[]
  readonly useUntilSeconds: number
}

const algorithms = new Set(['ES256', 'ES384', 'EdDSA', 'Ed25519'])
const maxLifeSeconds = 300

/** All but whether it was used before. Throws `trust_source_unavailable`. */
export async function verifyDidSubject(
  snapshot: TenantSnapshot,
  deps: DidProofDeps,
  { token, jwt }: ReadJwt,
  nowMs: number,
): Promise<DidProven | SubjectRefusal> {
  const { header, payload } = jwt
  if (!isDidProof(jwt)) return refuse('wrong_typ', `Its typ must be ${didProofTyp}.`)
  const proof = readProof(snapshot, deps, jwt, nowMs)
  if (!proof.ok) return proof
  const { did, nonce } = proof
  const times = checkProofTimes(payload, { iat: 'required', maxAgeSeconds: maxLifeSeconds, maxLifeSeconds }, nowMs / 1000)
  if (!times.ok) return times
  const sources = sourcesOf(snapshot, did)
  if (sources.length === 0) return refuse('unknown_issuer', 'Its DID method is not a trust source here.')
  const credential = await readVouching(sources, deps, payload['vc'], did.did, nowMs)
  if (credential?.ok === false) return credential
  const matched = matchAgent(
    snapshot,
    sources.map(({ id }) => ({ trustSourceId: id, kind: 'did', name: did.did, satisfies: rule => isVouched(rule, credential) })),
  )
  if (!matched.ok) return explain(matched, payload['vc'])
  const { caPem } = sources.find(({ id }) => id === matched.proof.trustSourceId)!
  const { kid, alg } = header
  const key = await deps.findDidKey({ did, caPem, relationship: 'authentication', kid: kid!, alg }, nowMs)
  const fault = (await findSignatureFault(key, token)) ?? findBindingFault(payload)
  if (fault) return fault
  const subject = subjectOfClaims({
    agent: matched.agent,
    trustSourceId: matched.proof.trustSourceId,
    issuer: did.method,
    subject: did.did,
    claims: payload,
    untilSeconds: Math.min(times.untilSeconds, credential?.untilSeconds ?? times.untilSeconds),
    expiresSeconds: times.expiresSeconds,
  })
  const { thumbprint } = key!
  return {
    ok: true,
    subject: { ...subject, boundKey: subject.boundKey ?? { kind: 'jkt', thumbprint } },
    thumbprint,
    use: [did.did, nonce],
    useUntilSeconds: Math.max(times.expiresSeconds, nowMs / 1000 + challengeSeconds),
  }
}

type ReadProof = { readonly ok: true; readonly did: Did; readonly nonce: string } | SubjectRefusal

/** What the proof says of itself, without a look at its key. */
function readProof(snapshot: TenantSnapshot, deps: DidProofDeps, { header, payload }: ParsedJwt, nowMs: number): ReadProof {
  const { iss, sub, nonce } = payload
  const did = typeof iss === 'string' ? parseDid(iss) : undefined
  if (!did || sub !== iss)
    return refuse('malformed_did', 'Its iss and sub must both be the DID, of a method that is resolved here.')
  if (soleAudience(payload) !== snapshot.tenant.issuer)
    return refuse('wrong_audience', `It was not made for this broker: its only aud must be ${snapshot.tenant.issuer}.`)
  if (typeof nonce !== 'string' || !deps.acceptsNonce(snapshot.tenant.id, nonce, nowMs))
    return refuse('wrong_nonce', 'Its nonce is none of ours, or too old: get one with POST /challenge, then sign.')
  if (!header.kid?.startsWith(`${did.did}#`)) return refuse('unknown_key', 'Its kid must be a verification method of its DID.')
  if (!algorithms.has(header.alg)) return refuse('algorithm_refused', `It must be signed with ${[...algorithms].join(', ')}.`)
  return { ok: true, did, nonce }
}

function sourcesOf(snapshot: TenantSnapshot, did: Did): DidTrustSource[] {
  return [...snapshot.trustSources.values()].filter(
    (source): source is DidTrustSource => source.kind === 'did' && source.methods.includes(did.method),
  )
}

async function readVouching(
  sources: readonly DidTrustSource[],
  deps: DidProofDeps,
  credential: unknown,
  did: string,
  nowMs: number,
): Promise<VerifiedCredential | SubjectRefusal | undefined> {
  if (credential === undefined) return undefined
  if (typeof credential !== 'string') return refuse('malformed_credential', 'Its vc must be a credential as compact JWT.')
  return verifyCredential(sources, deps.findCredentialKey, { credential, did }, nowMs)
}

/** A rule that asks for a type is fulfilled only by a credential whose issuer the rule's own trust source lists. */
function isVouched(rule: AgentRule, credential: VerifiedCredential | undefined): boolean {
  if (!('credential_type' in rule) || rule.credential_type === undefined) return true
  return credential?.trustSourceIds.has(rule.trust_source) === true && credential.types.includes(rule.credential_type)
}

const explain = (refusal: SubjectRefusal, credential: unknown): SubjectRefusal =>
  refusal.reason === 'unknown_agent' && credential === undefined
    ? refuse('unknown_agent', `${refusal.hint} If its rule asks for a credential, send that in vc.`)
    : refusal

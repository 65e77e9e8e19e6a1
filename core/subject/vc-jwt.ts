// A verifiable credential as a JWT (W3C VC-JOSE-COSE § 3.1.1: `typ: vc+jwt`, the payload is the credential) by which somebody
// vouches for a DID. What would take it back and cannot be looked up here is a refusal: a status that is not read is a
// revocation that is not seen.

import { type ParsedJwt, parseCompactJwt } from '#core/jwt/parse-compact.ts'
import { proofAlgorithms } from '#core/jwt/signature-algorithms.ts'
import type { CredentialIssuer, DidTrustSource } from '#core/registry/trust-source-kinds/did.ts'
import { leewaySeconds } from '#core/time/leeway-seconds.ts'
import type { IssuerKey } from './issuer-key.ts'
import { findSignatureFault } from './jwt-proof.ts'
import { refuse, type SubjectRefusal } from './subject.ts'

/** The key of a configured issuer; undefined when it has none such. May throw BrokerError `trust_source_unavailable`. */
export type FindCredentialKey = (
  source: DidTrustSource,
  issuer: CredentialIssuer,
  header: ParsedJwt['header'],
  nowMs: number,
) => Promise<IssuerKey | undefined>

export interface VerifiedCredential {
  readonly ok: true
  /** The trust sources that list its issuer. */
  readonly trustSourceIds: ReadonlySet<string>
  readonly types: readonly string[]
  /** Seconds since the epoch. */
  readonly untilSeconds: number
}

const context = 'https://www.w3.org/ns/credentials/v2'

/** Whether a configured issuer says something of `did`, now. credential: a compact JWT. nowMs: the database's clock. */
export async function verifyCredential(
  sources: readonly DidTrustSource[],
  findKey: FindCredentialKey,
  { credential, did }: { readonly credential: string; readonly did: string },
  nowMs: number,
): Promise<VerifiedCredential | SubjectRefusal> {
  const parsed = parseCompactJwt(credential)
  if (!parsed.ok) return refuse('malformed_credential', `Its credential cannot be read: ${parsed.reason}.`)
  const { header, payload } = parsed.jwt
  if (header.typ?.toLowerCase() !== 'vc+jwt') return refuse('wrong_typ', 'The typ of its credential must be vc+jwt.')
  const read = readCredential(payload, did, nowMs / 1000)
  if (!read.ok) return read
  if (!proofAlgorithms.includes(header.alg))
    return refuse('algorithm_refused', 'The algorithm of its credential is not accepted.')
  const trustSourceIds = new Set<string>()
  for (const source of sources) {
    const issuer = source.credentialIssuers.find(known => known.issuer === read.issuer)
    if (!issuer) continue
    const fault = await findSignatureFault(await findKey(source, issuer, header, nowMs), credential)
    if (fault) return refuse(fault.reason, 'The signature of its credential does not verify with the keys of its issuer.')
    trustSourceIds.add(source.id)
  }
  return trustSourceIds.size > 0
    ? { ok: true, trustSourceIds, types: read.types, untilSeconds: read.untilSeconds }
    : refuse('unknown_credential_issuer', 'The issuer of its credential is not among those of the trust source.')
}

type Claims = Readonly<Record<string, unknown>>
type Read =
  | { readonly ok: true; readonly issuer: string; readonly types: readonly string[]; readonly untilSeconds: number }
  | SubjectRefusal

const malformed = (hint: string): SubjectRefusal => refuse('malformed_credential', hint)

/** VC Data Model 2.0 § 4, of what a decision rests on. */
function readCredential(claims: Claims, did: string, nowSeconds: number): Read {
  if ('vc' in claims || 'vp' in claims)
    return malformed('Its credential must be the payload itself (VC Data Model 2.0), not in vc.')
  const { '@context': contexts, type, credentialSubject, credentialStatus } = claims
  if (!Array.isArray(contexts) || contexts[0] !== context)
    return malformed(`The first @context of its credential must be ${context}.`)
  const types = textsOf(type)
  if (!types?.includes('VerifiableCredential')) return malformed('Its credential has no type VerifiableCredential.')
  const issuer = idOf(claims['issuer'])
  if (issuer === undefined) return malformed('Its credential names no issuer.')
  // Of several subjects each claim belongs to one only; a type belongs to all of them.
  if (Array.isArray(credentialSubject) || idOf(credentialSubject) !== did)
    return refuse('other_subject', 'Its credential must be about this DID alone.')
  if (credentialStatus !== undefined)
    return refuse('unsupported_status', 'Its credential has a status that cannot be looked up here; use one that ends soon.')
  // VC-JOSE-COSE § 3.1.3: what the JWT says again must say the same.
  if ((claims['iss'] ?? issuer) !== issuer || (claims['sub'] ?? did) !== did)
    return malformed('iss or sub of its credential contradicts it.')
  const untilSeconds = checkValidity(claims, nowSeconds)
  return typeof untilSeconds === 'number' ? { ok: true, issuer, types, untilSeconds } : untilSeconds
}

/** Both ways of saying it count. It must end: nobody could take it back. */
function checkValidity({ validFrom, validUntil, nbf, exp }: Claims, nowSeconds: number): number | SubjectRefusal {
  const starts = [validFrom === undefined ? undefined : readTime(validFrom), nbf]
  const ends = [validUntil === undefined ? undefined : readTime(validUntil), exp].filter(end => end !== undefined)
  const all = [...starts.filter(start => start !== undefined), ...ends]
  if (!all.every(time => typeof time === 'number' && !Number.isNaN(time)))
    return malformed('A time of its credential is no date.')
  if (ends.length === 0) return malformed('Its credential has no validUntil.')
  const untilSeconds = Math.min(...(ends as number[]))
  if (untilSeconds <= nowSeconds) return refuse('expired', 'Its credential has expired.')
  if (starts.some(start => (start as number) > nowSeconds + leewaySeconds))
    return refuse('not_yet_valid', 'Its credential is not valid yet.')
  return untilSeconds
}

/** xsd:dateTimeStamp: with a time zone. Seconds since the epoch; NaN for anything else. */
function readTime(value: unknown): number {
  const isStamp = typeof value === 'string' && /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/.test(value)
  return isStamp ? Date.parse(value) / 1000 : Number.NaN
}

const idOf = (value: unknown): string | undefined => {
  const id = typeof value === 'object' && value !== null ? (value as Claims)['id'] : value
  return typeof id === 'string' ? id : undefined
}

const textsOf = (value: unknown): string[] | undefined => {
  const list = Array.isArray(value) ? value : [value]
  return list.every(item => typeof item === 'string') ? (list as string[]) : undefined
}

// Which trust sources of a tenant vouch for a certificate, and by which of its names. Each source is asked with its own anchors
// and nothing else: what another source or tenant trusts has no say here.

import type { X509Certificate } from 'node:crypto'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { BuiltinCaTrustSource, SpiffeTrustSource, TrustSource, X509TrustSource } from '#core/registry/trust-source.ts'
import { judgeRevocation } from '#core/trust-material/judge-revocation.ts'
import type { TrustMaterial } from '#core/trust-material/trust-material.ts'
import { parseAgentSpiffeId } from './agent-spiffe-id.ts'
import type { PresentedCertificate } from './certificate.ts'
import type { CertificateNames } from './certificate-names.ts'
import { readNames } from './certificate-names.ts'
import { chainEndsIn, isSelfSigned, isSvidLeaf, type LinkCheck, maySignLists, readAnchors } from './certificate-path.ts'
import type { NameKind, Proof } from './match-agent.ts'
import { parseSpiffeId } from './spiffe-id.ts'
import { refuse, type SubjectRefusal } from './subject.ts'

interface Vouching {
  readonly proofs: readonly Proof[]
  /** Why a source that knows the certificate's issuer does not vouch for it all the same. */
  readonly refusal: SubjectRefusal | undefined
}

// Derived from a registration and gone with it.
const knownAnchors = new WeakMap<TrustSource, readonly X509Certificate[]>()

const revoked = refuse('certificate_revoked', 'The authority of the client certificate has revoked it, or an authority below it.')
const notCovered = refuse(
  'revocation_unknown',
  'There is no current revocation list for the client certificate: each authority of its chain needs one that has not ended.',
)
const listUnavailable = refuse('revocation_unknown', 'The revocation list of the trust source cannot be had or read.')
const bundleUnavailable = refuse(
  'bundle_unavailable',
  'The bundle of the SPIFFE trust domain cannot be had. Try again in a moment.',
)

/** nowMs: the database's clock. Never throws: what cannot be read nobody vouches for. */
export function findVouching(
  snapshot: TenantSnapshot,
  material: TrustMaterial,
  presented: PresentedCertificate,
  nowMs: number,
): Vouching {
  const proofs: Proof[] = []
  let refusal: SubjectRefusal | undefined
  // Not before a chain has ended in an anchor: strangers send long ones.
  let read: { readonly names: CertificateNames | undefined } | undefined
  const names = (): CertificateNames | undefined => {
    read ??= { names: readSafely(presented.leaf) }
    return read.names
  }
  for (const source of snapshot.trustSources.values()) {
    const offered = ask(source, { material, presented, names, nowMs })
    if (Array.isArray(offered)) proofs.push(...offered.map(name => ({ trustSourceId: source.id, ...name })))
    else refusal ??= offered
  }
  return { proofs, refusal }
}

function readSafely(leaf: X509Certificate): CertificateNames | undefined {
  try {
    return readNames(leaf)
  } catch {
    return undefined
  }
}

interface Question {
  readonly material: TrustMaterial
  readonly presented: PresentedCertificate
  /** Of the leaf; undefined when they cannot be read. */
  readonly names: () => CertificateNames | undefined
  readonly nowMs: number
}
interface OfferedName {
  readonly kind: NameKind
  readonly name: string
  readonly agentId?: string
}
type Answer = OfferedName[] | SubjectRefusal

function ask(source: TrustSource, question: Question): Answer {
  if (source.kind === 'x509_ca') return askAuthority(source, question)
  if (source.kind === 'spiffe') return askTrustDomain(source, question)
  if (source.kind === 'builtin_ca') return askBuiltinCa(source, question)
  if (source.kind !== 'pinned' || !isSelfSigned(question.presented.leaf, question.nowMs)) return []
  return [{ kind: 'certificate_thumbprint', name: question.presented.thumbprint }]
}

/** A certificate must carry exactly one name of the kind that a rule asks for, so that it cannot be two workloads at once. */
function askAuthority(source: X509TrustSource, { material, presented, names: readLeaf, nowMs }: Question): Answer {
  let fault: SubjectRefusal | undefined
  const mayLink = (certificate: X509Certificate, issuer: X509Certificate): boolean => {
    const found = findRevocationFault(source, material, nowMs)(certificate, issuer)
    if (found) fault = fault === revoked ? revoked : found
    return found === undefined
  }
  const check: LinkCheck | undefined = source.crl && mayLink
  if (!chainEndsIn(presented, anchorsOf(source), nowMs, check)) return fault ?? []
  const names = readLeaf()
  if (!names) return []
  const one = (kind: NameKind, list: readonly string[]): OfferedName[] => (list.length === 1 ? [{ kind, name: list[0]! }] : [])
  return [
    { kind: 'subject_dn', name: names.subjectDn },
    ...one('san_uri', names.uris),
    ...one('san_dns', names.dnsNames),
    ...one('san_ip', names.ips),
    ...one('san_email', names.emails),
  ]
}

function anchorsOf(source: X509TrustSource | BuiltinCaTrustSource): readonly X509Certificate[] {
  let anchors = knownAnchors.get(source)
  if (!anchors) {
    anchors = readAnchors(source.anchorsPem)
    knownAnchors.set(source, anchors)
  }
  return anchors
}

/** Nobody is taken for not revoked: each link must be covered by a list of its issuer. */
function findRevocationFault(source: X509TrustSource, material: TrustMaterial, nowMs: number) {
  const lists = material.revocationListsOf(source, nowMs)
  return (certificate: X509Certificate, issuer: X509Certificate): SubjectRefusal | undefined => {
    if (!lists) return listUnavailable
    const verdict = maySignLists(issuer) ? judgeRevocation(lists, certificate, issuer, nowMs) : 'not_covered'
    return { good: undefined, revoked, not_covered: notCovered }[verdict]
  }
}

/** X509-SVID § 5: the one URI is an ID of this very trust domain, and the chain ends in this domain's bundle. */
function askTrustDomain(source: SpiffeTrustSource, { material, presented, names, nowMs }: Question): Answer {
  const bundle = material.bundleOf(source, nowMs)
  if (!bundle) return presented.leaf.subjectAltName?.includes(`spiffe://${source.trustDomain}/`) ? bundleUnavailable : []
  if (!chainEndsIn(presented, bundle.authorities, nowMs) || !isSvidLeaf(presented.leaf)) return []
  const [uri, ...others] = names()?.uris ?? []
  const id = uri === undefined || others.length > 0 ? undefined : parseSpiffeId(uri)
  return id?.trustDomain === source.trustDomain ? [{ kind: 'spiffe_id', name: id.uri }] : []
}

/** It gives one name and nothing else, and that name says which agent this is. */
function askBuiltinCa(source: BuiltinCaTrustSource, { presented, names: readLeaf, nowMs }: Question): Answer {
  if (!chainEndsIn(presented, anchorsOf(source), nowMs) || !isSvidLeaf(presented.leaf)) return []
  const names = readLeaf()
  if (!names) return []
  const [uri, ...more] = [...names.uris, ...names.dnsNames, ...names.ips, ...names.emails]
  const id =
    uri === undefined || more.length > 0 || names.uris.length !== 1 ? undefined : parseAgentSpiffeId(uri, source.trustDomain)
  if (!id) return []
  return [{ kind: 'spiffe_id', name: uri!, agentId: id.agentId }]
}

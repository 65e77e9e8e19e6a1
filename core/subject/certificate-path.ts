// Does this certificate's chain end in an anchor of this one trust source?
//
// What OpenSSL thinks of the chain is not asked. The listener knows the anchors of all tenants, and one of them may carry
// the name and the key identifier of another tenant's: OpenSSL then tries one of the two only, so that its yes may rest on a
// foreign anchor, and its no is what a hostile tenant could bring about for its neighbours. That the peer holds the key is
// proven by the handshake either way. So the whole of RFC 5280 § 6 that we rely on is checked here: each link by signature, up
// to an anchor of the trust source asked about; what we do not evaluate is refused.

import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate as ParsedCertificate,
} from '@peculiar/x509'
import type { PresentedCertificate } from './certificate.ts'
import { readNames } from './certificate-names.ts'
import { readUriConstraint, urisWithin } from './name-constraints.ts'
import { isStrongKey } from './strong-key.ts'

const clientAuthentication = '1.3.6.1.5.5.7.3.2'
const anyUsage = '2.5.29.37.0'
const nameConstraints = '2.5.29.30'
/** What a certificate may carry as critical: usages and constraints that are looked at here, names, and policies. */
const understood = new Set(['2.5.29.15', '2.5.29.17', '2.5.29.18', '2.5.29.19', '2.5.29.32', '2.5.29.37'])
const maxIntermediates = 4
const strongHashes = new Set(['SHA-256', 'SHA-384', 'SHA-512'])

const maxCertificateBytes = 16 * 1024

const isValidAt = (certificate: X509Certificate, nowMs: number): boolean =>
  Date.parse(certificate.validFrom) <= nowMs && nowMs < Date.parse(certificate.validTo)

/** What follows from the bytes of a certificate alone. */
interface CertificateFacts {
  /** Whether it may stand for a TLS client, whoever issued it (RFC 5280 §§ 4.2.1.3, 4.2.1.12). */
  readonly isClientLeaf: boolean
  /** Whether it is one as X.509-SVIDs must be: for signatures, and for none of what authorities do. */
  readonly isSvidLeaf: boolean
  /** How many intermediates may stand between it and the leaf; -1: it may issue nothing. */
  readonly mayIssueAbove: number
  /** Hosts that URIs below it must have; undefined: any. */
  readonly uriHosts: readonly string[] | undefined
  /** Whether it may sign revocation lists (RFC 5280 § 6.3.3 (f)). */
  readonly maySignLists: boolean
}

// Neither is a cache that could be stale: a certificate's bytes do not change, and entries go with it.
const knownFacts = new WeakMap<X509Certificate, CertificateFacts>()
const knownLinks = new WeakMap<X509Certificate, WeakMap<X509Certificate, boolean>>()

/** Throws what the parser throws. */
function factsOf(certificate: X509Certificate): CertificateFacts {
  let facts = knownFacts.get(certificate)
  if (!facts) {
    facts = readFacts(certificate)
    knownFacts.set(certificate, facts)
  }
  return facts
}

/** X509-SVID § 4.3: the first must be set in a leaf, the others must not. */
const svidUsages = KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign

const unusable: CertificateFacts = {
  isClientLeaf: false,
  isSvidLeaf: false,
  mayIssueAbove: -1,
  uriHosts: undefined,
  maySignLists: false,
}

function readFacts(certificate: X509Certificate): CertificateFacts {
  if (certificate.raw.length > maxCertificateBytes || !isStrongKey(certificate.publicKey)) return unusable
  const parsed = new ParsedCertificate(certificate.raw)
  const uriHosts = certificate.ca ? readUriHosts(parsed) : undefined
  if (!isSound(parsed, uriHosts !== undefined)) return unusable
  const usages = parsed.getExtension(KeyUsagesExtension)?.usages
  const may = (usage: number): boolean => usages === undefined || (usages & usage) !== 0
  const asClient = !certificate.ca && (certificate.keyUsage?.includes(clientAuthentication) ?? false)
  return {
    isClientLeaf: asClient && may(KeyUsageFlags.digitalSignature),
    isSvidLeaf: asClient && usages !== undefined && (usages & svidUsages) === KeyUsageFlags.digitalSignature,
    mayIssueAbove: certificate.ca && may(KeyUsageFlags.keyCertSign) ? readPathLength(parsed, uriHosts !== undefined) : -1,
    uriHosts,
    maySignLists: certificate.ca && may(KeyUsageFlags.cRLSign),
  }
}

/** Of a constraint in the form that is evaluated here; undefined also where there is another, which then stays not understood. */
function readUriHosts(issuer: ParsedCertificate): readonly string[] | undefined {
  const constraint = issuer.getExtension(nameConstraints)
  return constraint?.critical ? readUriConstraint(new Uint8Array(constraint.value)) : undefined
}

/** Whether nothing critical in it is unknown here, and it is signed with a hash that still holds. */
function isSound(parsed: ParsedCertificate, constraintRead: boolean): boolean {
  const known = (type: string): boolean => understood.has(type) || (constraintRead && type === nameConstraints)
  if (parsed.extensions.some(extension => extension.critical && !known(extension.type))) return false
  const { name, hash } = parsed.signatureAlgorithm as { name: string; hash?: { name: string } }
  return name === 'Ed25519' || name === 'EdDSA' || (hash !== undefined && strongHashes.has(hash.name))
}

function readPathLength(issuer: ParsedCertificate, constraintRead: boolean): number {
  // A constraint that we do not evaluate must not be passed over.
  if (issuer.getExtension(nameConstraints) && !constraintRead) return -1
  // On an issuer it limits what those below it may be used for.
  const purposes = issuer.getExtension(ExtendedKeyUsageExtension)?.usages
  if (purposes && !purposes.includes(clientAuthentication) && !purposes.includes(anyUsage)) return -1
  return issuer.getExtension(BasicConstraintsExtension)?.pathLength ?? Number.POSITIVE_INFINITY
}

/** Whether the issuer's key signed the certificate. Only for an issuer whose key is known to be a strong one: others are slow. */
function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  let links = knownLinks.get(certificate)
  if (!links) {
    links = new WeakMap()
    knownLinks.set(certificate, links)
  }
  let issued = links.get(issuer)
  if (issued === undefined) {
    issued = certificate.verify(issuer.publicKey)
    links.set(issuer, issued)
  }
  return issued
}

/**
 * Whether signatures alone lead from a certificate to an anchor. Asked first: what is in a certificate is read a hundred times
 * slower than a signature is checked, and anybody can send one that is long.
 */
function isSignedTowards(
  certificate: X509Certificate,
  rest: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
): boolean {
  if (certificate.raw.length > maxCertificateBytes) return false
  const signedBy = (issuer: X509Certificate): boolean =>
    certificate.checkIssued(issuer) && isStrongKey(issuer.publicKey) && isIssuedBy(certificate, issuer)
  if (anchors.some(signedBy)) return true
  return rest.some((issuer, index) => signedBy(issuer) && isSignedTowards(issuer, rest.toSpliced(index, 1), anchors))
}

/** Whether this link may be used; asked of links that are right in all else. */
export type LinkCheck = (certificate: X509Certificate, issuer: X509Certificate) => boolean
const anyLink: LinkCheck = () => true

/** anchors: of one trust source. nowMs: the database's clock. Never throws: what cannot be read vouches for nobody. */
export function chainEndsIn(
  presented: PresentedCertificate,
  anchors: readonly X509Certificate[],
  nowMs: number,
  mayLink: LinkCheck = anyLink,
): boolean {
  const { leaf } = presented
  try {
    if (!isValidAt(leaf, nowMs)) return false
    const intermediates = presented.intermediates.slice(0, maxIntermediates)
    if (!isSignedTowards(leaf, intermediates, anchors) || !factsOf(leaf).isClientLeaf) return false
    return reaches([leaf], intermediates, { anchors, nowMs, mayLink })
  } catch {
    return false
  }
}

interface Walk {
  readonly anchors: readonly X509Certificate[]
  readonly nowMs: number
  readonly mayLink: LinkCheck
}

/** path: the leaf, and what was found above it so far. */
function reaches(path: readonly X509Certificate[], rest: readonly X509Certificate[], walk: Walk): boolean {
  const certificate = path.at(-1)!
  const usable = (issuer: X509Certificate): boolean =>
    isValidAt(issuer, walk.nowMs) &&
    certificate.checkIssued(issuer) &&
    factsOf(issuer).mayIssueAbove >= path.length - 1 &&
    allowsNames(issuer, path) &&
    isIssuedBy(certificate, issuer) &&
    walk.mayLink(certificate, issuer)
  if (walk.anchors.some(usable)) return true
  return rest.some((issuer, index) => usable(issuer) && reaches([...path, issuer], rest.toSpliced(index, 1), walk))
}

/** RFC 5280 § 6.1.4 (g): a constraint holds for every certificate below. */
function allowsNames(issuer: X509Certificate, path: readonly X509Certificate[]): boolean {
  const { uriHosts } = factsOf(issuer)
  return uriHosts === undefined || path.every(below => urisWithin(readNames(below).uris, uriHosts))
}

/** Whether the leaf is one that an X.509-SVID can be (X509-SVID §§ 4.1, 4.3, 4.4). Throws what the parser throws. */
export const isSvidLeaf = (leaf: X509Certificate): boolean => factsOf(leaf).isSvidLeaf

/** For an issuer that a walk came to. */
export const maySignLists = (issuer: X509Certificate): boolean => factsOf(issuer).maySignLists

/** Whether its own key signed it and it holds now, so that its thumbprint says all there is to say. What else it claims is not looked at. */
export function isSelfSigned(leaf: X509Certificate, nowMs: number): boolean {
  try {
    if (leaf.raw.length > maxCertificateBytes || !isValidAt(leaf, nowMs) || !leaf.checkIssued(leaf)) return false
    return isStrongKey(leaf.publicKey) && isIssuedBy(leaf, leaf)
  } catch {
    return false
  }
}

/** Reads the anchors of a trust source; throws when a PEM does not parse. */
export const readAnchors = (pems: readonly string[]): X509Certificate[] => pems.map(pem => new X509Certificate(pem))

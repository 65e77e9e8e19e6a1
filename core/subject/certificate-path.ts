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
import { isSoundRsaKey } from './rsa-key.ts'

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
  /** How many intermediates may stand between it and the leaf; -1: it may issue nothing. */
  readonly mayIssueAbove: number
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

const unusable: CertificateFacts = { isClientLeaf: false, mayIssueAbove: -1 }

function readFacts(certificate: X509Certificate): CertificateFacts {
  if (certificate.raw.length > maxCertificateBytes || !hasStrongKey(certificate)) return unusable
  const parsed = new ParsedCertificate(certificate.raw)
  if (!isSound(parsed)) return unusable
  return { isClientLeaf: isClientLeaf(certificate, parsed), mayIssueAbove: certificate.ca ? readPathLength(parsed) : -1 }
}

/** Whether nothing critical in it is unknown here, and it is signed with a hash that still holds. */
function isSound(parsed: ParsedCertificate): boolean {
  if (parsed.extensions.some(extension => extension.critical && !understood.has(extension.type))) return false
  const { name, hash } = parsed.signatureAlgorithm as { name: string; hash?: { name: string } }
  return name === 'Ed25519' || name === 'EdDSA' || (hash !== undefined && strongHashes.has(hash.name))
}

function hasStrongKey({ publicKey }: X509Certificate): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = publicKey
  if (type === 'rsa' || type === 'rsa-pss') return isSoundRsaKey(publicKey)
  if (type === 'ec') return ['prime256v1', 'secp384r1', 'secp521r1'].includes(details?.namedCurve ?? '')
  return type === 'ed25519'
}

function isClientLeaf(leaf: X509Certificate, parsed: ParsedCertificate): boolean {
  if (leaf.ca || !leaf.keyUsage?.includes(clientAuthentication)) return false
  const usages = parsed.getExtension(KeyUsagesExtension)?.usages
  return usages === undefined || (usages & KeyUsageFlags.digitalSignature) !== 0
}

function readPathLength(issuer: ParsedCertificate): number {
  // A constraint that we do not evaluate must not be passed over.
  if (issuer.getExtension(nameConstraints)) return -1
  // On an issuer it limits what those below it may be used for.
  const purposes = issuer.getExtension(ExtendedKeyUsageExtension)?.usages
  if (purposes && !purposes.includes(clientAuthentication) && !purposes.includes(anyUsage)) return -1
  const usages = issuer.getExtension(KeyUsagesExtension)?.usages
  if (usages !== undefined && (usages & KeyUsageFlags.keyCertSign) === 0) return -1
  return issuer.getExtension(BasicConstraintsExtension)?.pathLength ?? Number.POSITIVE_INFINITY
}

/** Whether the issuer's key signed the certificate. Only for an issuer whose own facts were looked at before. */
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

/** anchors: of one trust source. nowMs: the database's clock. Never throws: what cannot be read vouches for nobody. */
export function chainEndsIn(presented: PresentedCertificate, anchors: readonly X509Certificate[], nowMs: number): boolean {
  const { leaf } = presented
  try {
    if (!isValidAt(leaf, nowMs) || !factsOf(leaf).isClientLeaf) return false
    return reaches(leaf, presented.intermediates.slice(0, maxIntermediates), anchors, nowMs, 0)
  } catch {
    return false
  }
}

function reaches(
  certificate: X509Certificate,
  rest: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
  nowMs: number,
  below: number,
): boolean {
  const usable = (issuer: X509Certificate): boolean =>
    isValidAt(issuer, nowMs) &&
    certificate.checkIssued(issuer) &&
    factsOf(issuer).mayIssueAbove >= below &&
    isIssuedBy(certificate, issuer)
  if (anchors.some(usable)) return true
  return rest.some((issuer, index) => usable(issuer) && reaches(issuer, rest.toSpliced(index, 1), anchors, nowMs, below + 1))
}

/** Reads the anchors of a trust source; throws when a PEM does not parse. */
export const readAnchors = (pems: readonly string[]): X509Certificate[] => pems.map(pem => new X509Certificate(pem))

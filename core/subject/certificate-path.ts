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

const clientAuthentication = '1.3.6.1.5.5.7.3.2'
const anyUsage = '2.5.29.37.0'
const nameConstraints = '2.5.29.30'
/** What a certificate may carry as critical: usages and constraints that are looked at here, names, and policies. */
const understood = new Set(['2.5.29.15', '2.5.29.17', '2.5.29.18', '2.5.29.19', '2.5.29.32', '2.5.29.37'])
const maxIntermediates = 4
const strongHashes = new Set(['SHA-256', 'SHA-384', 'SHA-512'])

const isValidAt = (certificate: X509Certificate, nowMs: number): boolean =>
  Date.parse(certificate.validFrom) <= nowMs && nowMs < Date.parse(certificate.validTo)

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)

/** Whether nothing critical in it is unknown here, and it is signed with a hash that still holds. */
function isSound(parsed: ParsedCertificate): boolean {
  if (parsed.extensions.some(extension => extension.critical && !understood.has(extension.type))) return false
  const { name, hash } = parsed.signatureAlgorithm as { name: string; hash?: { name: string } }
  return name === 'Ed25519' || name === 'EdDSA' || (hash !== undefined && strongHashes.has(hash.name))
}

function hasStrongKey({ publicKey }: X509Certificate): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = publicKey
  if (type === 'rsa' || type === 'rsa-pss') return (details?.modulusLength ?? 0) >= 2048
  if (type === 'ec') return ['prime256v1', 'secp384r1', 'secp521r1'].includes(details?.namedCurve ?? '')
  return type === 'ed25519'
}

/** Whether it may stand for a TLS client at all, whoever issued it (RFC 5280 §§ 4.2.1.3, 4.2.1.12). */
function isClientLeaf(leaf: X509Certificate, nowMs: number): boolean {
  if (leaf.ca || !isValidAt(leaf, nowMs) || !leaf.keyUsage?.includes(clientAuthentication)) return false
  const parsed = new ParsedCertificate(leaf.raw)
  const usages = parsed.getExtension(KeyUsagesExtension)?.usages
  return isSound(parsed) && hasStrongKey(leaf) && (usages === undefined || (usages & KeyUsageFlags.digitalSignature) !== 0)
}

/** below: how many intermediates stand between this issuer and the leaf. */
function mayIssue(issuer: X509Certificate, below: number): boolean {
  if (!issuer.ca || !hasStrongKey(issuer)) return false
  const parsed = new ParsedCertificate(issuer.raw)
  // A constraint that we do not evaluate must not be passed over.
  if (parsed.getExtension(nameConstraints) || !isSound(parsed)) return false
  // On an issuer it limits what those below it may be used for.
  const purposes = parsed.getExtension(ExtendedKeyUsageExtension)?.usages
  if (purposes && !purposes.includes(clientAuthentication) && !purposes.includes(anyUsage)) return false
  const pathLength = parsed.getExtension(BasicConstraintsExtension)?.pathLength
  if (pathLength !== undefined && below > pathLength) return false
  const usages = parsed.getExtension(KeyUsagesExtension)?.usages
  return usages === undefined || (usages & KeyUsageFlags.keyCertSign) !== 0
}

/** anchors: of one trust source. nowMs: the database's clock. Never throws: what cannot be read vouches for nobody. */
export function chainEndsIn(presented: PresentedCertificate, anchors: readonly X509Certificate[], nowMs: number): boolean {
  const { leaf } = presented
  try {
    return isClientLeaf(leaf, nowMs) && reaches(leaf, presented.intermediates.slice(0, maxIntermediates), anchors, nowMs, 0)
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
    isValidAt(issuer, nowMs) && isIssuedBy(certificate, issuer) && mayIssue(issuer, below)
  if (anchors.some(usable)) return true
  return rest.some((issuer, index) => usable(issuer) && reaches(issuer, rest.toSpliced(index, 1), anchors, nowMs, below + 1))
}

/** Reads the anchors of a trust source; throws when a PEM does not parse. */
export const readAnchors = (pems: readonly string[]): X509Certificate[] => pems.map(pem => new X509Certificate(pem))

// Does this certificate's chain end in an anchor of this one trust source?
//
// OpenSSL has validated a path to some anchor of the listener. That is necessary and not enough: another tenant's CA may
// carry the same name. So each link here is checked by signature, up to an anchor of the trust source asked about, and
// with the constraints of the path that we walk, which need not be the path that OpenSSL found.

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
/** What an issuing certificate may carry as critical: usages and constraints that are looked at here, names, and policies. */
const understood = new Set(['2.5.29.15', '2.5.29.17', '2.5.29.18', '2.5.29.19', '2.5.29.32', '2.5.29.37'])
const maxIntermediates = 4

const isValidAt = (certificate: X509Certificate, nowMs: number): boolean =>
  Date.parse(certificate.validFrom) <= nowMs && nowMs < Date.parse(certificate.validTo)

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)

/** below: how many intermediates stand between this issuer and the leaf. */
function mayIssue(issuer: X509Certificate, below: number): boolean {
  if (!issuer.ca) return false
  const parsed = new ParsedCertificate(issuer.raw)
  // A constraint that we do not evaluate must not be passed over.
  if (parsed.getExtension(nameConstraints)) return false
  if (parsed.extensions.some(extension => extension.critical && !understood.has(extension.type))) return false
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
  if (!presented.listenerAuthorized) return false
  try {
    if (leaf.ca || !isValidAt(leaf, nowMs) || !leaf.keyUsage?.includes(clientAuthentication)) return false
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
    isValidAt(issuer, nowMs) && isIssuedBy(certificate, issuer) && mayIssue(issuer, below)
  if (anchors.some(usable)) return true
  return rest.some((issuer, index) => usable(issuer) && reaches(issuer, rest.toSpliced(index, 1), anchors, nowMs, below + 1))
}

/** Reads the anchors of a trust source; throws when a PEM does not parse. */
export const readAnchors = (pems: readonly string[]): X509Certificate[] => pems.map(pem => new X509Certificate(pem))

// The names in a certificate, read from its DER and not from a display string that a hostile name could bend.

import 'reflect-metadata'
import type { X509Certificate } from 'node:crypto'
import { type GeneralName, Name, X509Certificate as ParsedCertificate, SubjectAlternativeNameExtension } from '@peculiar/x509'

/**
 * A distinguished name (RFC 4514 text) in a form in which equal names are equal strings.
 * The text begins with the last part of the name as it is encoded (§ 2.1): `CN=worker,O=Example`.
 */
export const canonicalDn = (dn: string): string => JSON.stringify(new Name(dn).toJSON().toReversed())

/** An IP address in the one form that the URL standard writes; undefined when it is none. */
export function canonicalIp(text: string): string | undefined {
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(text)) return URL.parse(`https://${text}/`)?.hostname === text ? text : undefined
  if (!/^[0-9a-fA-F:.]+$/.test(text) || !text.includes(':')) return undefined
  return URL.parse(`https://[${text}]/`)?.hostname.slice(1, -1)
}

/** An address whose domain is in lower case (RFC 5280 § 4.2.1.6); undefined when it is none. */
export function canonicalEmail(text: string): string | undefined {
  const [local, domain, ...more] = text.split('@')
  if (!local || !domain || more.length > 0 || !/^[\x21-\x7e]+$/.test(text) || text.includes('*')) return undefined
  return `${local}@${domain.toLowerCase()}`
}

export interface CertificateNames {
  readonly uris: readonly string[]
  readonly dnsNames: readonly string[]
  readonly ips: readonly string[]
  readonly emails: readonly string[]
  readonly subjectDn: string
}

/** Throws what the parser throws. */
export function readNames(certificate: X509Certificate): CertificateNames {
  const parsed = new ParsedCertificate(certificate.raw)
  const names: readonly GeneralName[] = parsed.getExtension(SubjectAlternativeNameExtension)?.names.items ?? []
  const ofType = (type: string): string[] => names.filter(name => name.type === type).map(name => name.value)
  return {
    uris: ofType('url'),
    dnsNames: ofType('dns'),
    // What cannot be written in the one form stays as it is, so that it still counts as a name.
    ips: ofType('ip').map(ip => canonicalIp(ip) ?? ip),
    emails: ofType('email').map(email => canonicalEmail(email) ?? email),
    subjectDn: JSON.stringify(parsed.subjectName.toJSON()),
  }
}

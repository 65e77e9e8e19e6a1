// A client certificate as the TLS layer handed it over. That a listener completed the handshake proves that the peer holds
// the key, and nothing more. Whose word the certificate is, is decided for each trust source in `certificate-path.ts`.

import 'reflect-metadata'
import { hash, type X509Certificate } from 'node:crypto'
import { type GeneralName, Name, X509Certificate as ParsedCertificate, SubjectAlternativeNameExtension } from '@peculiar/x509'

export interface PresentedCertificate {
  readonly leaf: X509Certificate
  /** What the peer sent beside the leaf, untrusted; read when it is needed. */
  readonly intermediates: readonly X509Certificate[]
  /** base64url of SHA-256 over the DER: RFC 8705 § 3.1. */
  readonly thumbprint: string
  readonly notAfterSeconds: number
}

/** intermediates: called at most once, when a chain is walked; most leaves come right from an anchor. */
export function presentCertificate(leaf: X509Certificate, intermediates: () => readonly X509Certificate[]): PresentedCertificate {
  let read: readonly X509Certificate[] | undefined
  return {
    leaf,
    thumbprint: hash('sha256', leaf.raw, 'base64url'),
    // A peer can write a date there that is none: its certificate has ended.
    notAfterSeconds: Math.floor((Date.parse(leaf.validTo) || 0) / 1000),
    get intermediates() {
      read ??= intermediates()
      return read
    },
  }
}

/**
 * A distinguished name (RFC 4514 text) in a form in which equal names are equal strings.
 * The text begins with the last part of the name as it is encoded (§ 2.1): `CN=worker,O=Example`.
 */
export const canonicalDn = (dn: string): string => JSON.stringify(new Name(dn).toJSON().toReversed())

export interface CertificateNames {
  readonly uris: readonly string[]
  readonly dnsNames: readonly string[]
  readonly subjectDn: string
}

/** The names in a certificate, read from its DER and not from a display string that a hostile name could bend. */
export function readNames(certificate: X509Certificate): CertificateNames {
  const parsed = new ParsedCertificate(certificate.raw)
  const names: readonly GeneralName[] = parsed.getExtension(SubjectAlternativeNameExtension)?.names.items ?? []
  const ofType = (type: string): string[] => names.filter(name => name.type === type).map(name => name.value)
  return { uris: ofType('url'), dnsNames: ofType('dns'), subjectDn: JSON.stringify(parsed.subjectName.toJSON()) }
}

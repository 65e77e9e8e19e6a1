import { X509Certificate } from 'node:crypto'

/** Why a text is not one PEM certificate that may issue others (RFC 5280 § 4.2.1.9), as a sentence; undefined when it is. */
export function findAnchorFault(pem: string): string | undefined {
  const blocks = pem.match(/-----BEGIN [A-Z0-9 ]+-----/g) ?? []
  if (blocks.some(block => block.includes('PRIVATE KEY')))
    return 'This holds a private key. Send the certificate only, and replace that key.'
  if (blocks.length !== 1 || blocks[0] !== '-----BEGIN CERTIFICATE-----') return 'Send exactly one PEM certificate in each entry.'
  try {
    if (!new X509Certificate(pem).ca) return 'This certificate is not one of a certificate authority (CA=TRUE).'
  } catch {
    return 'This is not a readable PEM certificate.'
  }
  return undefined
}

import { X509Certificate } from 'node:crypto'

/** What every certificate that Mayfly makes for development carries as organisation. */
export const developmentOrganisation = 'Mayfly development'

/** Whether the PEM's first certificate was made for development. Throws when it is no certificate. */
export function hasDevelopmentMarker(certificatePem: string): boolean {
  const { subject, issuer } = new X509Certificate(certificatePem)
  return subject.includes(developmentOrganisation) || issuer.includes(developmentOrganisation)
}

import { createHash } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { distinguishedName, type IssuedCertificate, keyToPem, newKeys, newSerialNumber, toPem } from '#apps/standalone/dev-ca.ts'

/** A client certificate that vouches for itself, and its RFC 8705 thumbprint. */
export async function issueSelfSigned(now = new Date()): Promise<IssuedCertificate & { readonly thumbprint: string }> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerialNumber(),
    name: distinguishedName('self-signed'),
    notBefore: new Date(now.getTime() - 60_000),
    notAfter: new Date(now.getTime() + 3_600_000),
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])],
  })
  const pem = toPem(certificate)
  const thumbprint = createHash('sha256').update(Buffer.from(certificate.rawData)).digest('base64url')
  return { certificatePem: pem, chainPem: pem, keyPem: await keyToPem(keys.privateKey), thumbprint }
}

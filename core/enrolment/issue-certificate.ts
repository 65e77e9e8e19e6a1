import * as x509 from '@peculiar/x509'
import { backdateMs, type CaSigner, caSigningAlgorithm, newSerialNumber, toPem } from '#core/keys/ca-key.ts'

export interface CertificateOrder {
  /** SubjectPublicKeyInfo, DER, of a key whose possession was proven. */
  readonly spki: Buffer
  readonly spiffeId: string
  /** `agt_…` */
  readonly clientId: string
  readonly nowMs: number
  readonly lifetimeSeconds: number
}

export interface Certificate {
  readonly pem: string
  /** Hex. */
  readonly serial: string
  /** base64url of SHA-256 over the DER: what tokens will be bound to. */
  readonly thumbprint: string
  readonly notAfterMs: number
}

/**
 * An X.509-SVID (X509-SVID §§ 3, 4): one URI name, CA=FALSE, for signatures, for TLS clients. Whole seconds; it never ends
 * behind the CA. Nothing of it comes from whoever asked but the key.
 */
export async function issueCertificate(ca: CaSigner, order: CertificateOrder): Promise<Certificate> {
  const nowSeconds = Math.floor(order.nowMs / 1000)
  const notAfterMs = Math.min((nowSeconds + order.lifetimeSeconds) * 1000, ca.certificate.notAfter.getTime())
  const serial = newSerialNumber()
  const publicKey = new x509.PublicKey(Uint8Array.from(order.spki))
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial,
    subject: [{ CN: [order.clientId] }],
    issuer: ca.certificate.subjectName,
    notBefore: new Date(nowSeconds * 1000 - backdateMs),
    notAfter: new Date(notAfterMs),
    signingAlgorithm: caSigningAlgorithm,
    publicKey,
    signingKey: ca.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: order.spiffeId }]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(ca.certificate.publicKey),
    ],
  })
  const digest = Buffer.from(await certificate.getThumbprint('SHA-256'))
  return { pem: toPem(certificate), serial, thumbprint: digest.toString('base64url'), notAfterMs }
}

// Client certificates that no authority signed.

import 'reflect-metadata' // before @peculiar/x509, which needs it loaded
import { hash, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import {
  backdateMs,
  caExtensions,
  type IssuedCertificate,
  keyToPem,
  newKeys,
  newSerialNumber,
  toPem,
} from '#apps/standalone/dev-ca.ts'

/** As `openssl req -x509` makes them: CA=TRUE, no extended key usage. notAfter: default an hour from now. */
export async function makeSelfSigned(now: Date, notAfter = new Date(now.getTime() + 3_600_000)): Promise<IssuedCertificate> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerialNumber(),
    name: 'CN=laptop',
    notBefore: new Date(now.getTime() - backdateMs),
    notAfter,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    keys,
    extensions: caExtensions(0),
  })
  const pem = toPem(certificate)
  return { certificatePem: pem, chainPem: pem, keyPem: await keyToPem(keys.privateKey) }
}

/** x5t#S256: RFC 8705 § 3.1. */
export const thumbprintOf = ({ certificatePem }: IssuedCertificate): string =>
  hash('sha256', new X509Certificate(certificatePem).raw, 'base64url')

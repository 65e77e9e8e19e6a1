// Certificates by which roles sign in to a database, from a CA that one connector has for itself: the server is told to trust it
// (`ssl_ca_file`) and to take the common name for the role (`cert` in `pg_hba.conf`).

import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { backdateMs, caSigningAlgorithm, newSerialNumber, toPem } from '#core/keys/ca-key.ts'

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const
const dayMs = 86_400_000
const caValidityMs = 10 * 365 * dayMs
/** Of an account without a deadline: who needs it longer asks again. */
const longestMs = 90 * dayMs

export interface PemPair {
  readonly certificatePem: string
  readonly keyPem: string
}

/** A CA with path length 0, for TLS clients only. */
export async function createRoleCa(nowMs: number): Promise<PemPair> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerialNumber(),
    name: [{ CN: ['Mayfly connector CA'] }],
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(nowMs + caValidityMs),
    signingAlgorithm: caSigningAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificatePem: toPem(certificate), keyPem: await exportKey(keys.privateKey) }
}

/** A new key with a certificate for the role. deadlineMs: when it ends at the latest; Infinity: 90 days from now. */
export async function issueRoleCertificate(
  ca: PemPair,
  order: { readonly role: string; readonly nowMs: number; readonly deadlineMs: number },
): Promise<PemPair> {
  const { role, nowMs, deadlineMs } = order
  const issuer = new x509.X509Certificate(ca.certificatePem)
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])
  const der = x509.PemConverter.decodeFirst(ca.keyPem)
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: [{ CN: [role] }],
    issuer: issuer.subjectName,
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(Math.min(deadlineMs, nowMs + longestMs, issuer.notAfter.getTime())),
    signingAlgorithm: caSigningAlgorithm,
    publicKey: keys.publicKey,
    signingKey: await webcrypto.subtle.importKey('pkcs8', der, keyAlgorithm, false, ['sign']),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  })
  return { certificatePem: toPem(certificate), keyPem: await exportKey(keys.privateKey) }
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`
}

// Certificates that a certificate authority would not make by itself.

import 'reflect-metadata' // before @peculiar/x509, which needs it loaded
import type { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import {
  backdateMs,
  type CertificateAuthority,
  distinguishedName,
  type IssuedCertificate,
  keyToPem,
  newKeys,
  newSerialNumber,
  toPem,
} from '#apps/standalone/dev-ca.ts'

export const nowMs: number = Date.parse('2026-11-22T12:00:00Z')

/** A leaf of a CA with just these extensions beside its name. */
export async function oddLeaf(
  ca: CertificateAuthority,
  uri: string,
  extensions: x509.Extension[],
  signing: object,
  given?: webcrypto.CryptoKeyPair,
): Promise<IssuedCertificate> {
  const keys = given ?? (await newKeys())
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: 'CN=odd',
    issuer: ca.certificate.subjectName,
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(nowMs + 3_600_000),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256', ...signing },
    publicKey: keys.publicKey,
    signingKey: ca.key,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'url', value: uri }]), ...extensions],
  })
  const certificatePem = toPem(certificate)
  return { certificatePem, chainPem: certificatePem, keyPem: await keyToPem(keys.privateKey) }
}

/** dNSName example.test, permitted: `NameConstraints ::= SEQUENCE { [0] { { [2] "example.test" } } }`. */
export const permitOnly = Buffer.from(`3012a010300e820c${Buffer.from('example.test').toString('hex')}`, 'hex')

export async function issueBelow(
  parent: CertificateAuthority,
  uri: string,
  extensions: x509.Extension[],
  name: string,
): Promise<CertificateAuthority> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: distinguishedName(name),
    issuer: parent.certificate.subjectName,
    notBefore: new Date(nowMs - backdateMs),
    notAfter: parent.certificate.notAfter,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    publicKey: keys.publicKey,
    signingKey: parent.key,
    extensions: [...extensions, new x509.SubjectAlternativeNameExtension([{ type: 'url', value: uri }])],
  })
  return { certificatePem: toPem(certificate), keyPem: await keyToPem(keys.privateKey), certificate, key: keys.privateKey }
}

export const asLeaf = ({ certificatePem, keyPem }: CertificateAuthority): IssuedCertificate => ({
  certificatePem,
  keyPem,
  chainPem: certificatePem,
})

// The certificate authority of one compose deployment: it signs the servers of that deployment and nothing else. Unlike the
// development CA its certificates carry no marker, since they serve a network, and its key never leaves the setup service.

import 'reflect-metadata' // before @peculiar/x509, which resolves its parts through it
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'
import {
  backdateMs,
  type CertificateAuthority,
  caExtensions,
  keyToPem,
  newKeys,
  newSerialNumber,
  toPem,
} from '#apps/standalone/dev-ca.ts'

const dayMs = 86_400_000
const caDays = 3650
const serverDays = 397
/** A certificate is replaced when less than this is left of it. */
const renewBeforeDays = 60
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const

export interface CertificateFiles {
  readonly certificatePem: string
  readonly keyPem: string
}

/** A self-signed P-256 root for ten years, path length 0. */
export async function createPrivateCa(now: Date): Promise<CertificateAuthority> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerialNumber(),
    // A name of its own, so that clients that know two deployments never take one root for the other.
    name: [{ CN: [`Mayfly private CA ${newSerialNumber().slice(0, 8)}`] }],
    notBefore: new Date(now.getTime() - backdateMs),
    notAfter: new Date(now.getTime() + caDays * dayMs),
    signingAlgorithm,
    keys,
    extensions: [
      ...caExtensions(0),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificatePem: toPem(certificate), keyPem: await keyToPem(keys.privateKey), certificate, key: keys.privateKey }
}

/** A certificate with a key of its own: for a TLS server with these hosts, or for a workload with this URI. */
export async function issueCertificate(
  ca: CertificateAuthority,
  subject: { readonly hosts: readonly string[] } | { readonly uri: string },
  now: Date,
  days = serverDays,
): Promise<CertificateFiles> {
  const keys = await newKeys()
  const isServer = 'hosts' in subject
  const names: x509.JsonGeneralNames = isServer
    ? subject.hosts.map(value => ({ type: isIP(value) ? 'ip' : 'dns', value }) as const)
    : [{ type: 'url', value: subject.uri }]
  const notAfter = Math.min(now.getTime() + days * dayMs, ca.certificate.notAfter.getTime())
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: [{ CN: [isServer ? subject.hosts[0]! : 'workload'] }],
    issuer: ca.certificate.subjectName,
    notBefore: new Date(now.getTime() - backdateMs),
    notAfter: new Date(notAfter),
    signingAlgorithm,
    publicKey: keys.publicKey,
    signingKey: ca.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([isServer ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(names),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(ca.certificate.publicKey),
    ],
  })
  return { certificatePem: toPem(certificate), keyPem: await keyToPem(keys.privateKey) }
}

/** Whether a server certificate still serves: from this CA, for all these hosts, and not near its end. */
export function serves(certificatePem: string, caPem: string, hosts: readonly string[], now: Date): boolean {
  const certificate = new X509Certificate(certificatePem)
  const leftMs = certificate.validToDate.getTime() - now.getTime()
  const named = (host: string) => (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined
  return leftMs > renewBeforeDays * dayMs && certificate.checkIssued(new X509Certificate(caPem)) && hosts.every(named)
}
